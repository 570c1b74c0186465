import { assert } from "../assert.ts";
import { MemoryStorage } from "./memory-storage.ts";
import { RawNode } from "./raw-node.ts";
import { TRANSCRIPT_OPTIONS } from "./transcript-cluster.ts";
import type { Configuration, Entry, MemberId, Message, RaftOptions, Ready } from "./types.ts";

export function configuration(voters: MemberId[], learners: MemberId[] = []): Configuration {
  return { voters, outgoing: [], learners, learnersNext: [], context: new Uint8Array(0) };
}

export function entry(index: bigint, term: bigint, text = "x"): Entry {
  return { index, term, type: "normal", data: Buffer.from(text) };
}

/** Member 1 alone with its disk; the others are what the test says in their name. */
export class SoloMember {
  readonly storage: MemoryStorage;
  readonly node: RawNode;

  constructor(storage: MemoryStorage, options: Partial<RaftOptions> = {}) {
    this.storage = storage;
    this.node = new RawNode({ ...TRANSCRIPT_OPTIONS, random: () => 0, id: 1n, ...options }, storage);
  }

  static born(voters: MemberId[], learners: MemberId[] = [], options: Partial<RaftOptions> = {}): SoloMember {
    return new SoloMember(MemoryStorage.bootstrapped(configuration(voters, learners)), options);
  }

  /** Does all that there is to do, with a fast disk, and returns what was sent. */
  drain(): Message[] {
    const sent: Message[] = [];
    while (this.node.hasReady()) {
      const ready = this.node.ready();
      sent.push(...ready.messages);
      this.write(ready);
      sent.push(...ready.messagesAfterAppend);
      const last = ready.committedEntries.at(-1);
      if (last !== undefined) this.node.applied(last.index);
    }
    return sent;
  }

  write(ready: Ready): void {
    if (ready.appendToken === undefined) return;
    this.storage.write(ready);
    this.node.appended(ready.appendToken);
  }

  /** Becomes leader of term 2 with the votes of the others, who then have its first entry, at index 2. */
  lead(others: readonly MemberId[]): void {
    this.node.campaign();
    this.drain();
    for (const from of others) {
      this.node.step({ type: "PreVoteResponse", from, to: 1n, term: 2n, granted: true });
      this.drain();
    }
    for (const from of others) {
      this.node.step({ type: "RequestVoteResponse", from, to: 1n, term: 2n, granted: true });
      this.drain();
    }
    assert(this.node.status().role === "leader", "the others' votes were not enough");
    for (const from of others) this.acknowledge(from, 2n);
  }

  acknowledge(from: MemberId, index: bigint): void {
    const term = this.node.status().term;
    const message = { type: "AppendEntriesResponse", from, to: 1n, term, index } as const;
    this.node.step({ ...message, rejected: false, hintIndex: 0n, hintTerm: 0n });
    this.drain();
  }

  append(from: MemberId, term: bigint, previous: [bigint, bigint], entries: Entry[], commit = 0n): void {
    const [previousTerm, previousIndex] = previous;
    const message = { type: "AppendEntries", from, to: 1n, term, previousTerm, previousIndex } as const;
    this.node.step({ ...message, entries, commit });
  }
}
