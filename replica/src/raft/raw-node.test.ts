import { describe, expect, test } from "vitest";
import { AssertionError } from "../assert.ts";
import { encodeConfiguration } from "./confchange/codec.ts";
import { EMPTY_CONFIGURATION } from "./confchange/configuration.ts";
import { describeMessage, describeReady } from "./describe.ts";
import { MemoryStorage } from "./memory-storage.ts";
import { configuration, entry, SoloMember } from "./solo-member.ts";
import type { Message } from "./types.ts";

describe("start", () => {
  test("a commit index beyond the log is refused: this disk lost entries (B1, B10)", () => {
    const storage = MemoryStorage.bootstrapped(configuration([1n]));
    storage.setHardState({ term: 1n, vote: 0n, commit: 5n });
    expect(() => new SoloMember(storage)).toThrow(AssertionError);
  });

  test("the state machine may be ahead of the commit index that was written: it is committed", () => {
    const storage = MemoryStorage.bootstrapped(configuration([1n, 2n]));
    storage.append([entry(2n, 1n), entry(3n, 1n)]);
    storage.setApplied(3n, { index: 1n, configuration: configuration([1n, 2n]) });
    const { node } = new SoloMember(storage);
    expect(node.status()).toMatchObject({ commit: 3n, applied: 3n });
    expect(node.ready().committedEntries).toEqual([]);
  });

  test("a term below that of the own log is raised before anything is said, and written", () => {
    const storage = MemoryStorage.bootstrapped(configuration([1n, 2n]));
    storage.setHardState({ term: 2n, vote: 2n, commit: 1n });
    storage.append([entry(2n, 7n)]);
    const { node } = new SoloMember(storage);
    expect(node.status()).toMatchObject({ term: 7n, vote: 0n });
    expect(node.ready().hardState).toMatchObject({ term: 7n, vote: 0n });
  });

  test("a configuration in the log above the applied index counts, committed or not (dissertation §4.1)", () => {
    const storage = MemoryStorage.bootstrapped(configuration([1n, 2n]));
    const data = encodeConfiguration(configuration([1n, 2n], [3n]));
    storage.append([{ index: 2n, term: 1n, type: "configuration", data }]);
    const { node } = new SoloMember(storage);
    expect(node.status()).toMatchObject({ configurationCommitted: false, configuration: { index: 2n } });
    expect(node.status().committedConfiguration.index).toBe(1n);
  });

  test("the same inputs give the same outputs", () => {
    const run = (): string => {
      const solo = SoloMember.born([1n, 2n, 3n]);
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
    const solo = SoloMember.born([1n]);
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
    const solo = SoloMember.born([1n, 2n, 3n]);
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
    const solo = SoloMember.born([1n, 2n, 3n]);
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
    const solo = SoloMember.born([1n, 2n, 3n]);
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
    const solo = SoloMember.born([1n, 2n, 3n]);
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
    const solo = SoloMember.born([1n, 2n, 3n]);
    solo.append(2n, 2n, [1n, 1n], [entry(2n, 2n)]);
    solo.drain();
    solo.append(2n, 2n, [2n, 2n], [], 2n);
    const ready = solo.node.ready();
    expect(ready.committedEntries.map((e) => e.index)).toEqual([2n]);
    expect([ready.hardState, ready.appendToken]).toEqual([undefined, undefined]);
  });

  test("tokens settle in order, once", () => {
    const solo = SoloMember.born([1n]);
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
    const solo = new SoloMember(storage);
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
    const leader = SoloMember.born([1n, 2n, 3n]);
    leader.lead([2n]);
    expect(() => leader.append(3n, 2n, [1n, 1n], [])).toThrow("term 2, which is ours");
    const follower = SoloMember.born([1n, 2n, 3n]);
    follower.append(2n, 2n, [1n, 1n], []);
    expect(() => follower.append(3n, 2n, [1n, 1n], [])).toThrow("both lead term 2");
  });

  test("an acknowledgement of what was never sent is a bug", () => {
    const solo = SoloMember.born([1n, 2n, 3n]);
    solo.lead([2n]);
    expect(() => solo.acknowledge(2n, 3n)).toThrow("never sent");
  });

  test("nobody can make it believe a member that is not in the configuration", () => {
    const solo = SoloMember.born([1n, 2n, 3n]);
    solo.lead([2n]);
    solo.node.propose(Buffer.from("x"));
    solo.drain();
    solo.acknowledge(9n, 3n);
    expect(solo.node.status().commit).toBe(2n);
  });

  test("an empty proposal is a bug: it is the mark of a new leader", () => {
    const solo = SoloMember.born([1n]);
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
    expect(() => SoloMember.born([1n, 2n, 3n]).node.step(message)).toThrow(AssertionError);
  });

  test("a configuration entry that cannot be read is refused by what is wrong with it", () => {
    const solo = SoloMember.born([1n, 2n, 3n]);
    const data = new Uint8Array([9]);
    expect(() =>
      solo.append(2n, 2n, [1n, 1n], [{ index: 2n, term: 2n, type: "configuration", data }]),
    ).toThrow("configuration: version 9 is unknown");
  });

  test("a heartbeat that commits what we do not have means that this disk lost entries (B1, B2)", () => {
    const solo = SoloMember.born([1n, 2n, 3n]);
    expect(() => solo.node.step({ ...base, type: "Heartbeat", commit: 9n, readSequence: 0n })).toThrow(
      "beyond our last index",
    );
  });
});
