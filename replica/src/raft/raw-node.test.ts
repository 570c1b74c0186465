import { describe, expect, test } from "vitest";
import { AssertionError } from "../assert.ts";
import { encodeConfiguration } from "./confchange/codec.ts";
import { EMPTY_CONFIGURATION } from "./confchange/configuration.ts";
import { describeMessage, describeReady } from "./describe.ts";
import { MemoryStorage } from "./memory-storage.ts";
import { RawNode } from "./raw-node.ts";
import { TRANSCRIPT_OPTIONS } from "./transcript-cluster.ts";
import type { Configuration, Entry, MemberId, Message, RaftOptions, Ready } from "./types.ts";

function configuration(voters: MemberId[], learners: MemberId[] = []): Configuration {
  return { voters, outgoing: [], learners, learnersNext: [], context: new Uint8Array(0) };
}

function entry(index: bigint, term: bigint, text = "x"): Entry {
  return { index, term, type: "normal", data: Buffer.from(text) };
}

/** Member 1 alone with its disk; the others are what the test says in their name. */
class Solo {
  readonly storage: MemoryStorage;
  readonly node: RawNode;

  constructor(storage: MemoryStorage, options: Partial<RaftOptions> = {}) {
    this.storage = storage;
    this.node = new RawNode({ ...TRANSCRIPT_OPTIONS, random: () => 0, id: 1n, ...options }, storage);
  }

  static born(voters: MemberId[], learners: MemberId[] = [], options: Partial<RaftOptions> = {}): Solo {
    return new Solo(MemoryStorage.bootstrapped(configuration(voters, learners)), options);
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
    expect(this.node.status().role).toBe("leader");
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

describe("start", () => {
  test("a commit index beyond the log is refused: this disk lost entries (B1, B10)", () => {
    const storage = MemoryStorage.bootstrapped(configuration([1n]));
    storage.setHardState({ term: 1n, vote: 0n, commit: 5n });
    expect(() => new Solo(storage)).toThrow(AssertionError);
  });

  test("the state machine may be ahead of the commit index that was written: it is committed", () => {
    const storage = MemoryStorage.bootstrapped(configuration([1n, 2n]));
    storage.append([entry(2n, 1n), entry(3n, 1n)]);
    storage.setApplied(3n, { index: 1n, configuration: configuration([1n, 2n]) });
    const { node } = new Solo(storage);
    expect(node.status()).toMatchObject({ commit: 3n, applied: 3n });
    expect(node.ready().committedEntries).toEqual([]);
  });

  test("a term below that of the own log is raised before anything is said, and written", () => {
    const storage = MemoryStorage.bootstrapped(configuration([1n, 2n]));
    storage.setHardState({ term: 2n, vote: 2n, commit: 1n });
    storage.append([entry(2n, 7n)]);
    const { node } = new Solo(storage);
    expect(node.status()).toMatchObject({ term: 7n, vote: 0n });
    expect(node.ready().hardState).toMatchObject({ term: 7n, vote: 0n });
  });

  test("a configuration in the log above the applied index counts, committed or not (dissertation §4.1)", () => {
    const storage = MemoryStorage.bootstrapped(configuration([1n, 2n]));
    const data = encodeConfiguration(configuration([1n, 2n], [3n]));
    storage.append([{ index: 2n, term: 1n, type: "configuration", data }]);
    const { node } = new Solo(storage);
    expect(node.status()).toMatchObject({ configurationCommitted: false, configuration: { index: 2n } });
    expect(node.status().committedConfiguration.index).toBe(1n);
  });

  test("the same inputs give the same outputs", () => {
    const run = (): string => {
      const solo = Solo.born([1n, 2n, 3n]);
      const lines: string[] = [];
      for (let i = 0; i < 40; i++) {
        solo.node.tick();
        if (solo.node.hasReady()) lines.push(describeReady(solo.node.ready()));
      }
      return lines.join("\n");
    };
    expect(run()).toBe(run());
  });
});

describe("durability", () => {
  test("a single voter leads only when its own vote is written, and commits only what is (B4)", () => {
    const solo = Solo.born([1n]);
    solo.node.campaign();
    const vote = solo.node.ready();
    expect(vote.hardState).toMatchObject({ term: 2n, vote: 1n });
    expect(solo.node.status().role).toBe("candidate");
    solo.write(vote);
    expect(solo.node.status().role).toBe("leader");
    const first = solo.node.ready();
    expect(solo.node.status().commit).toBe(1n);
    solo.write(first);
    expect(solo.node.status().commit).toBe(2n);
  });

  test("a vote, a vote request and an acknowledgement wait for the disk; a refusal does not", () => {
    const solo = Solo.born([1n, 2n, 3n]);
    solo.drain();
    const vote = { from: 2n, to: 1n, term: 2n, lastLogIndex: 9n, lastLogTerm: 1n, transfer: false };
    solo.node.step({ type: "RequestVote", ...vote });
    const granted = solo.node.ready();
    expect(granted.messages).toEqual([]);
    expect(granted.messagesAfterAppend.map((m) => m.type)).toEqual(["RequestVoteResponse"]);
    // The same again, while it is being written: it waits behind that.
    solo.node.step({ type: "RequestVote", ...vote });
    const again = solo.node.ready();
    expect([again.hardState, again.messages.length, again.messagesAfterAppend.length]).toEqual([
      undefined,
      0,
      1,
    ]);
    expect(again.appendToken).toBe(granted.appendToken! + 1n);
    solo.node.step({ type: "RequestVote", ...vote, from: 3n });
    expect(solo.node.ready().messages.map(describeMessage)).toEqual([
      "1->3 RequestVoteResponse term=2 refused",
    ]);
    solo.append(2n, 2n, [1n, 1n], [entry(2n, 2n)]);
    solo.append(2n, 2n, [2n, 7n], [entry(8n, 2n)]);
    const appended = solo.node.ready();
    expect(appended.messages.map(describeMessage)).toEqual([
      "1->2 AppendEntriesResponse term=2 rejected index=7 hint=2/2",
    ]);
    expect(appended.messagesAfterAppend.map(describeMessage)).toEqual([
      "1->2 AppendEntriesResponse term=2 index=2",
    ]);
  });

  test("a pre-vote claims the end of the log, so it waits until that is written", () => {
    const solo = Solo.born([1n, 2n, 3n]);
    solo.append(2n, 1n, [1n, 1n], [entry(2n, 1n)]);
    const written = solo.node.ready();
    solo.node.forgetLeader();
    solo.node.campaign();
    const asked = solo.node.ready();
    expect(asked.messages).toEqual([]);
    expect(asked.messagesAfterAppend.map((m) => m.type)).toEqual(["PreVote", "PreVote"]);
    solo.write(written);
    solo.write(asked);
  });

  test("entries replaced before any Ready had them are not acknowledged, nor claimed", () => {
    const solo = Solo.born([1n, 2n, 3n]);
    solo.drain();
    solo.append(2n, 2n, [1n, 1n], [entry(2n, 2n), entry(3n, 2n)]);
    solo.append(3n, 3n, [1n, 1n], [entry(2n, 3n)]);
    const ready = solo.node.ready();
    expect(ready.entries.map((e) => `${e.term}/${e.index}`)).toEqual(["3/2"]);
    expect(ready.messagesAfterAppend.map(describeMessage)).toEqual([
      "1->3 AppendEntriesResponse term=3 index=2",
    ]);
  });

  test("an acknowledgement carries the term in which it was said, however late it leaves", () => {
    const solo = Solo.born([1n, 2n, 3n]);
    solo.drain();
    solo.append(2n, 2n, [1n, 1n], [entry(2n, 2n)]);
    const first = solo.node.ready();
    solo.append(3n, 3n, [1n, 1n], [entry(2n, 3n)]);
    const second = solo.node.ready();
    const said = [...first.messagesAfterAppend, ...second.messagesAfterAppend];
    expect(said.map(describeMessage)).toEqual([
      "1->2 AppendEntriesResponse term=2 index=2",
      "1->3 AppendEntriesResponse term=3 index=2",
    ]);
  });

  test("the commit index alone is no reason to write: nothing relies on it", () => {
    const solo = Solo.born([1n, 2n, 3n]);
    solo.append(2n, 2n, [1n, 1n], [entry(2n, 2n)]);
    solo.drain();
    solo.append(2n, 2n, [2n, 2n], [], 2n);
    const ready = solo.node.ready();
    expect(ready.committedEntries.map((e) => e.index)).toEqual([2n]);
    expect([ready.hardState, ready.appendToken]).toEqual([undefined, undefined]);
  });

  test("tokens settle in order, once", () => {
    const solo = Solo.born([1n]);
    solo.node.campaign();
    const token = solo.node.ready().appendToken!;
    expect(() => solo.node.appended(token + 1n)).toThrow(AssertionError);
    solo.node.appended(token);
    expect(() => solo.node.appended(token)).toThrow(AssertionError);
  });
});

describe("leader", () => {
  test("commits only entries of its own term by counting (Raft §5.4.2, figure 8)", () => {
    const storage = MemoryStorage.bootstrapped(configuration([1n, 2n, 3n]));
    storage.append([entry(2n, 1n)]);
    const solo = new Solo(storage);
    solo.node.campaign();
    solo.drain();
    solo.node.step({ type: "PreVoteResponse", from: 2n, to: 1n, term: 2n, granted: true });
    solo.drain();
    solo.node.step({ type: "RequestVoteResponse", from: 2n, to: 1n, term: 2n, granted: true });
    solo.drain();
    solo.acknowledge(2n, 2n);
    expect(solo.node.status().commit).toBe(1n);
    solo.acknowledge(2n, 3n);
    expect(solo.node.status().commit).toBe(3n);
  });

  test("two leaders of one term are a bug, not something to go on from (Raft §5.2)", () => {
    const leader = Solo.born([1n, 2n, 3n]);
    leader.lead([2n]);
    expect(() => leader.append(3n, 2n, [1n, 1n], [])).toThrow("term 2, which is ours");
    const follower = Solo.born([1n, 2n, 3n]);
    follower.append(2n, 2n, [1n, 1n], []);
    expect(() => follower.append(3n, 2n, [1n, 1n], [])).toThrow("both lead term 2");
  });

  test("an acknowledgement of what was never sent is a bug", () => {
    const solo = Solo.born([1n, 2n, 3n]);
    solo.lead([2n]);
    expect(() => solo.acknowledge(2n, 3n)).toThrow("never sent");
  });

  test("nobody can make it believe a member that is not in the configuration", () => {
    const solo = Solo.born([1n, 2n, 3n]);
    solo.lead([2n]);
    solo.node.propose(Buffer.from("x"));
    solo.drain();
    solo.acknowledge(9n, 3n);
    expect(solo.node.status().commit).toBe(2n);
  });

  test("an empty proposal is a bug: it is the mark of a new leader", () => {
    const solo = Solo.born([1n]);
    expect(() => solo.node.propose(new Uint8Array(0))).toThrow(AssertionError);
  });
});

describe("step", () => {
  const base = { from: 2n, to: 1n, term: 3n };
  const metadata = { index: 5n, term: 2n, configuration: { index: 1n, configuration: EMPTY_CONFIGURATION } };
  const malformed: [string, Message][] = [
    ["for another member (A14)", { ...base, to: 3n, type: "TimeoutNow" }],
    ["from nobody", { ...base, from: 0n, type: "TimeoutNow" }],
    ["from itself", { ...base, from: 1n, type: "TimeoutNow" }],
    ["of no term", { ...base, term: 0n, type: "TimeoutNow" }],
    [
      "entries with a gap",
      {
        ...base,
        type: "AppendEntries",
        previousIndex: 1n,
        previousTerm: 1n,
        entries: [entry(3n, 1n)],
        commit: 0n,
      },
    ],
    [
      "entries whose terms go back",
      {
        ...base,
        type: "AppendEntries",
        previousIndex: 1n,
        previousTerm: 1n,
        entries: [entry(2n, 3n), entry(3n, 2n)],
        commit: 0n,
      },
    ],
    [
      "entries of a later term",
      {
        ...base,
        type: "AppendEntries",
        previousIndex: 1n,
        previousTerm: 1n,
        entries: [entry(2n, 4n)],
        commit: 0n,
      },
    ],
    [
      "a vote request whose log is of its own term",
      { ...base, type: "RequestVote", lastLogIndex: 4n, lastLogTerm: 3n, transfer: false },
    ],
    [
      "a negative index",
      { ...base, type: "AppendEntriesResponse", index: -1n, rejected: false, hintIndex: 0n, hintTerm: 0n },
    ],
    ["a snapshot of nowhere", { ...base, type: "InstallSnapshot", snapshot: { ...metadata, index: 0n } }],
    ["a snapshot of a later term", { ...base, type: "InstallSnapshot", snapshot: { ...metadata, term: 4n } }],
    [
      "a snapshot with a configuration from after it",
      {
        ...base,
        type: "InstallSnapshot",
        snapshot: { ...metadata, configuration: { ...metadata.configuration, index: 6n } },
      },
    ],
  ];

  test.each(malformed)("throws on a message %s", (_, message) => {
    expect(() => Solo.born([1n, 2n, 3n]).node.step(message)).toThrow(AssertionError);
  });

  test("a configuration entry that cannot be read is refused by what is wrong with it", () => {
    const solo = Solo.born([1n, 2n, 3n]);
    const data = new Uint8Array([9]);
    expect(() =>
      solo.append(2n, 2n, [1n, 1n], [{ index: 2n, term: 2n, type: "configuration", data }]),
    ).toThrow("configuration: version 9 is unknown");
  });

  test("a heartbeat that commits what we do not have means that this disk lost entries (B1, B2)", () => {
    const solo = Solo.born([1n, 2n, 3n]);
    expect(() => solo.node.step({ ...base, type: "Heartbeat", commit: 9n, readSequence: 0n })).toThrow(
      "beyond our last index",
    );
  });
});

describe("change of membership: a live quorum of both halves, against brute force (A9)", () => {
  test("every set of the dead and every change of up to two voters, for up to seven voters", () => {
    let accepted = 0;
    let refused = 0;
    for (let count = 2; count <= 7; count++) {
      const voters = Array.from({ length: count }, (_, i) => BigInt(i + 1));
      const learners = [11n, 12n];
      for (let mask = 0; mask < 2 ** (count - 1); mask++) {
        const dead = voters.filter((id) => id !== 1n && mask & (1 << (Number(id) - 2)));
        const live = (ids: readonly MemberId[]): boolean =>
          ids.filter((id) => !dead.includes(id)).length * 2 > ids.length;
        if (!live(voters)) continue;
        let solo = leaderWithDead(voters, learners, dead);
        for (const target of targetsOf(voters, learners)) {
          const result = proposeOn(solo, target);
          if (result) solo = leaderWithDead(voters, learners, dead);
          if (result !== live(target)) expect.fail(`${voters} dead ${dead} to ${target}: ${result}`);
          if (result) accepted++;
          else refused++;
        }
      }
    }
    expect(accepted).toBeGreaterThan(500);
    expect(refused).toBeGreaterThan(50);
  });

  /** Add none, one or both learners; keep all voters, or remove any one. */
  function targetsOf(voters: MemberId[], learners: MemberId[]): MemberId[][] {
    const targets: MemberId[][] = [];
    for (const added of [[], learners.slice(0, 1), learners]) {
      for (const removed of [undefined, ...voters]) {
        const target = [...voters.filter((id) => id !== removed), ...added];
        const isChange = removed !== undefined || added.length > 0;
        if (isChange && target.length > 0) targets.push(target);
      }
    }
    return targets;
  }

  /** A leader that hears from all but the dead. */
  function leaderWithDead(voters: MemberId[], learners: MemberId[], dead: MemberId[]): Solo {
    const solo = Solo.born(voters, learners);
    const others = [...voters, ...learners].filter((id) => id !== 1n && !dead.includes(id));
    solo.lead(others.filter((id) => !learners.includes(id)));
    for (let i = 0; i < 12; i++) {
      solo.node.tick();
      for (const from of others) solo.acknowledge(from, 2n);
    }
    return solo;
  }

  /** Is it accepted? Only then the leader is not as before. */
  function proposeOn(solo: Solo, voters: MemberId[]): boolean {
    const before = solo.node.status();
    const result = solo.node.proposeConfiguration(before.configuration.index, {
      voters,
      learners: [],
      context: new Uint8Array(0),
    });
    if (!result.ok) {
      expect(result.reason).toBe("no-live-quorum");
      return false;
    }
    return true;
  }
});
