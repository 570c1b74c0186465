import { describe, expect, it } from "vitest";
import { AssertionError } from "../assert.ts";
import { MemoryStorage } from "./memory-storage.ts";
import { RawNode } from "./raw-node.ts";
import { scheduleLimits } from "./schedule-member.ts";
import type { Entry, Message, ReadState } from "./types.ts";

/**
 * Guards behind which no schedule gets, because other guards, or the odds, keep the cluster from the state in
 * which they matter. Each is shown its message by hand.
 */

const NO_BYTES = new Uint8Array(0);
const VOTERS = { voters: [1n, 2n, 3n], outgoing: [], learners: [], learnersNext: [], context: NO_BYTES };

/** Member 1 of three, whose disk is done at once. */
class Alone {
  readonly disk: MemoryStorage;
  readonly node: RawNode;
  readonly sent: Message[] = [];
  readonly reads: ReadState[] = [];

  constructor(disk = MemoryStorage.bootstrapped(VOTERS), chance = 0.5) {
    this.disk = disk;
    this.node = new RawNode({ ...scheduleLimits, id: 1n, random: () => chance }, disk);
  }

  /** Gives it a message and does what its Readys say. */
  hear(message: Message): void {
    this.node.step(message);
    this.drain();
  }

  drain(): void {
    while (this.node.hasReady()) {
      const ready = this.node.ready();
      this.disk.write(ready);
      this.sent.push(...ready.messages, ...ready.messagesAfterAppend);
      this.reads.push(...ready.readStates);
      if (ready.appendToken !== undefined) this.node.appended(ready.appendToken);
      const applied = ready.committedEntries.at(-1);
      if (applied !== undefined) this.node.applied(applied.index);
    }
  }

  /** Wins an election with the vote of member 2, and commits its first entry with it. Returns its term. */
  lead(): bigint {
    this.node.campaign();
    this.drain();
    const term = this.node.status().term + 1n;
    this.hear({ type: "PreVoteResponse", from: 2n, to: 1n, term, granted: true });
    this.hear({ type: "RequestVoteResponse", from: 2n, to: 1n, term, granted: true });
    expect(this.node.status().role).toBe("leader");
    const index = this.node.status().lastIndex;
    const answer = { index, rejected: false, hintIndex: 0n, hintTerm: 0n };
    this.hear({ type: "AppendEntriesResponse", from: 2n, to: 1n, term, ...answer });
    expect(this.node.status().commit).toBe(index);
    return term;
  }

  /** Asks for a read index and returns the token of the heartbeats that are to confirm it. */
  read(requestId: bigint): bigint {
    this.sent.length = 0;
    this.node.readIndex(requestId);
    this.drain();
    const heartbeat = this.sent.find((message) => message.type === "Heartbeat");
    return heartbeat?.type === "Heartbeat" ? heartbeat.readSequence : 0n;
  }
}

function entry(index: bigint, term: bigint): Entry {
  return { index, term, type: "normal", data: new Uint8Array([Number(index)]) };
}

describe("a follower", () => {
  it("commits no further than an append has proved its log to agree (Raft figure 2, AppendEntries 5)", () => {
    const disk = MemoryStorage.bootstrapped(VOTERS);
    disk.append([entry(2n, 2n), entry(3n, 2n)]);
    disk.setHardState({ term: 2n, vote: 0n, commit: 1n });
    const follower = new Alone(disk);
    const entries = [entry(2n, 2n)];
    // The leader of term 3 has another entry 3, which is committed.
    const append = { previousIndex: 1n, previousTerm: 1n, entries, commit: 3n };
    follower.hear({ type: "AppendEntries", from: 2n, to: 1n, term: 3n, ...append });
    expect(follower.node.status().commit).toBe(2n);
  });

  it("stops when it is told of a commit beyond its log: its disk has lost what it promised (B1, B2)", () => {
    const heartbeat = {
      type: "Heartbeat",
      from: 2n,
      to: 1n,
      term: 2n,
      commit: 9n,
      readSequence: 0n,
    } as const;
    expect(() => new Alone().hear(heartbeat)).toThrow(AssertionError);
  });

  it("takes no answer to a read that it asked before it restarted (A14)", () => {
    const heartbeat = {
      type: "Heartbeat",
      from: 2n,
      to: 1n,
      term: 2n,
      commit: 1n,
      readSequence: 0n,
    } as const;
    const before = new Alone(undefined, 0.25);
    before.hear(heartbeat);
    before.read(1n);
    const asked = before.sent.find((message) => message.type === "ReadIndexRequest");
    const after = new Alone(before.disk, 0.75);
    after.hear(heartbeat);
    after.read(1n);
    const { requestId } = asked as Extract<Message, { type: "ReadIndexRequest" }>;
    after.hear({
      type: "ReadIndexResponse",
      from: 2n,
      to: 1n,
      term: 2n,
      requestId,
      index: 1n,
      rejected: false,
    });
    expect(after.reads).toEqual([]);
  });
});

describe("a leader", () => {
  it("confirms no read by answers of an earlier term, whatever their token (A11, A12)", () => {
    const before = new Alone();
    const oldTerm = before.lead();
    before.read(1n);
    const oldToken = before.read(2n) + 9n;
    const after = new Alone(before.disk);
    const term = after.lead();
    const token = after.read(3n);
    after.hear({ type: "HeartbeatResponse", from: 2n, to: 1n, term: oldTerm, readSequence: oldToken });
    expect(after.reads).toEqual([]);
    after.hear({ type: "HeartbeatResponse", from: 2n, to: 1n, term, readSequence: token });
    expect(after.reads.map(({ requestId }) => requestId)).toEqual([3n]);
  });
});
