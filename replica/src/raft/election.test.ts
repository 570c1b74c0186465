import { expect, test } from "vitest";
import { describeMessage } from "./describe.ts";
import { MemoryStorage } from "./memory-storage.ts";
import { configuration, entry, SoloMember } from "./solo-member.ts";

test("the own vote counts when it is written, not when an earlier write is (dissertation §3.8)", () => {
  const solo = SoloMember.born([1n, 2n]);
  solo.append(2n, 1n, [1n, 1n], [entry(2n, 1n)]);
  const earlier = solo.node.ready();
  solo.node.forgetLeader();
  solo.node.campaign();
  solo.node.step({ type: "PreVoteResponse", from: 2n, to: 1n, term: 2n, granted: true });
  const vote = solo.node.ready();
  expect(vote.hardState).toMatchObject({ term: 2n, vote: 1n });
  solo.node.step({ type: "RequestVoteResponse", from: 2n, to: 1n, term: 2n, granted: true });
  solo.write(earlier);
  expect(solo.node.status().role).toBe("candidate");
  solo.write(vote);
  expect(solo.node.status().role).toBe("leader");
});

test("a quorum of others makes a leader while its own vote is being written; its log counts later", () => {
  const solo = SoloMember.born([1n, 2n, 3n]);
  solo.drain();
  solo.node.campaign();
  solo.node.step({ type: "PreVoteResponse", from: 2n, to: 1n, term: 2n, granted: true });
  const vote = solo.node.ready();
  solo.node.step({ type: "RequestVoteResponse", from: 2n, to: 1n, term: 2n, granted: true });
  solo.node.step({ type: "RequestVoteResponse", from: 3n, to: 1n, term: 2n, granted: true });
  expect(solo.node.status().role).toBe("leader");
  const first = solo.node.ready();
  solo.write(vote);
  expect(solo.node.status()).toMatchObject({ durableIndex: 1n, commit: 1n });
  solo.write(first);
  expect(solo.node.status()).toMatchObject({ durableIndex: 2n, commit: 1n });
});

test("no vote for a log that is behind, by term or by length (Raft §5.4.1)", () => {
  for (const [lastLogTerm, lastLogIndex, granted] of [
    [1n, 99n, false],
    [2n, 2n, false],
    [2n, 3n, true],
    [3n, 1n, true],
  ] as const) {
    const storage = MemoryStorage.bootstrapped(configuration([1n, 2n, 3n]));
    storage.append([entry(2n, 1n), entry(3n, 2n)]);
    const solo = new SoloMember(storage);
    solo.drain();
    const message = { from: 2n, to: 1n, term: 5n, lastLogIndex, lastLogTerm, transfer: false };
    solo.node.step({ type: "PreVote", ...message });
    solo.node.step({ type: "RequestVote", ...message });
    expect(solo.drain()).toMatchObject([{ granted }, { granted }]);
  }
});

test("a pre-vote for a term that has passed is answered with the present term", () => {
  const solo = SoloMember.born([1n, 2n, 3n]);
  solo.append(3n, 7n, [1n, 1n], []);
  solo.drain();
  const message = { from: 2n, to: 1n, term: 4n, lastLogIndex: 9n, lastLogTerm: 3n, transfer: false };
  solo.node.step({ type: "PreVote", ...message });
  expect(solo.drain().map(describeMessage)).toEqual(["1->2 PreVoteResponse term=7 refused"]);
});

test("late answers of an earlier question are not counted", () => {
  const solo = SoloMember.born([1n, 2n, 3n]);
  solo.drain();
  solo.node.campaign();
  solo.node.step({ type: "PreVoteResponse", from: 2n, to: 1n, term: 9n, granted: true });
  expect(solo.node.status().role).toBe("pre-candidate");
  solo.node.step({ type: "RequestVoteResponse", from: 2n, to: 1n, term: 1n, granted: true });
  expect(solo.node.status().role).toBe("pre-candidate");
  solo.node.step({ type: "PreVoteResponse", from: 2n, to: 1n, term: 2n, granted: true });
  expect(solo.node.status().role).toBe("candidate");
  solo.node.step({ type: "PreVoteResponse", from: 3n, to: 1n, term: 2n, granted: true });
  solo.drain();
  expect(solo.node.status().role).toBe("candidate");
});

test("the first answer of a member counts, whatever it says later", () => {
  const solo = SoloMember.born([1n, 2n, 3n, 4n, 5n]);
  solo.drain();
  solo.node.campaign();
  for (const granted of [true, false, false]) {
    solo.node.step({ type: "PreVoteResponse", from: 2n, to: 1n, term: granted ? 2n : 1n, granted });
  }
  solo.node.step({ type: "PreVoteResponse", from: 3n, to: 1n, term: 1n, granted: false });
  expect(solo.node.status().role).toBe("pre-candidate");
  solo.node.step({ type: "PreVoteResponse", from: 4n, to: 1n, term: 2n, granted: true });
  expect(solo.node.status().role).toBe("candidate");
});

test("election timeouts spread over [timeout, 2 timeout); after a lost connection they are short", () => {
  for (const [chance, campaignTick, disconnectTick] of [
    [0, 10, 1],
    [0.5, 15, 2],
    [0.999, 19, 2],
  ] as const) {
    const solo = SoloMember.born([1n, 2n, 3n], [], { random: () => chance });
    solo.append(2n, 2n, [1n, 1n], []);
    expect(ticksToCampaign(solo)).toBe(campaignTick);
    const other = SoloMember.born([1n, 2n, 3n], [], { random: () => chance });
    other.append(2n, 2n, [1n, 1n], []);
    other.node.peerDisconnected(2n);
    expect(ticksToCampaign(other)).toBe(disconnectTick);
  }
});

function ticksToCampaign(solo: SoloMember): number {
  for (let ticks = 1; ; ticks++) {
    solo.node.tick();
    if (solo.node.status().role === "pre-candidate") return ticks;
  }
}
