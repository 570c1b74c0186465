import type { Message, PreVote, PreVoteResponse, RequestVote } from "@rstore/replica/raft/types";
import { expect, test } from "vitest";
import { FakeCluster } from "./fake-cluster.ts";

const asking = { from: 20n, term: 3n, lastLogIndex: 2n, lastLogTerm: 2n, transfer: false };
const preVote: PreVote = { type: "PreVote", to: 30n, ...asking };
const request: RequestVote = { type: "RequestVote", to: 30n, ...asking };
const preVoted: PreVoteResponse = { type: "PreVoteResponse", from: 30n, to: 20n, term: 3n, granted: true };
const voted: Message = { type: "RequestVoteResponse", from: 30n, to: 20n, term: 3n, granted: true };

/** Three members, all with entry 2 of term 2; r1 (member 20) would lead in term 3. */
function founded(): FakeCluster {
  const cluster = FakeCluster.founded(3);
  cluster.settle(0);
  for (const slot of [1, 2]) {
    cluster.replicate(0, slot);
    cluster.persist(slot);
  }
  return cluster;
}

/** r1 is a candidate of term 3 with its vote on the disk. */
function campaign(cluster: FakeCluster): void {
  cluster.disk(1).tell({ term: 3n, vote: 20n });
  Object.assign(cluster.member(1), { term: 3n, role: "candidate" });
  cluster.look(1);
}

test("pre-vote-first: a term is begun with the pre-votes of a majority, or by a transfer (A4)", () => {
  const lonely = founded();
  campaign(lonely);
  lonely.send(1, request);
  expect(lonely.violation).toBe("pre-vote-first");

  const followed = founded();
  followed.send(1, preVote);
  followed.send(2, preVoted);
  campaign(followed);
  followed.send(1, request);
  expect(followed.violation).toBeUndefined();

  const transferred = founded();
  campaign(transferred);
  transferred.send(1, { ...request, transfer: true });
  expect(transferred.violation).toBeUndefined();
});

test("pre-vote-first: a refused pre-vote, or one for another term, is none", () => {
  for (const answer of [
    { ...preVoted, granted: false },
    { ...preVoted, term: 4n },
  ]) {
    const cluster = founded();
    cluster.send(2, answer);
    campaign(cluster);
    cluster.send(1, request);
    expect(cluster.violation).toBe("pre-vote-first");
  }
});

test("votes-for-complete-logs: nobody votes for a log that lacks what its own disk has (Raft §5.4.1)", () => {
  const behind = founded();
  behind.send(1, { ...preVote, lastLogIndex: 1n, lastLogTerm: 1n });
  behind.send(2, preVoted);
  expect(behind.violation).toBe("votes-for-complete-logs");

  const equal = founded();
  equal.send(1, preVote);
  equal.send(2, preVoted);
  expect(equal.violation).toBeUndefined();
});

test("votes-for-complete-logs: of several requests for one term the best log counts", () => {
  const cluster = founded();
  cluster.send(1, preVote);
  cluster.send(1, { ...preVote, lastLogIndex: 1n, lastLogTerm: 1n });
  cluster.send(2, preVoted);
  expect(cluster.violation).toBeUndefined();
});

test("votes-for-complete-logs: what is not durable yet may have come after the vote", () => {
  const cluster = founded();
  cluster.append(0, "a");
  cluster.replicate(0, 2);
  cluster.send(1, preVote);
  cluster.send(2, preVoted);
  expect(cluster.violation).toBeUndefined();
  cluster.persist(2);
  cluster.send(2, preVoted);
  expect(cluster.violation).toBe("votes-for-complete-logs");
});

test("votes-for-complete-logs: a vote itself, too", () => {
  const cluster = founded();
  campaign(cluster);
  cluster.send(1, { ...request, transfer: true, lastLogIndex: 1n, lastLogTerm: 1n });
  cluster.disk(2).tell({ term: 3n, vote: 20n });
  Object.assign(cluster.member(2), { term: 3n });
  cluster.send(2, voted);
  expect(cluster.violation).toBe("votes-for-complete-logs");
});

/** r2 has voted for r1 in term 3; before its disk says so it follows r0 in term 4, which sends it two entries. */
function votedAndWentOn(lastLogIndex: bigint): FakeCluster {
  const cluster = founded();
  cluster.append(0, "a");
  campaign(cluster);
  cluster.send(1, { ...request, transfer: true, lastLogIndex, lastLogTerm: lastLogIndex });
  Object.assign(cluster.member(2), { term: 3n });
  cluster.look(2);
  cluster.elect(0, 4n);
  cluster.replicate(0, 2);
  cluster.persist(2);
  return cluster;
}

test("votes-for-complete-logs: a vote that waited for the disk is judged by the log that it was given with", () => {
  const complete = votedAndWentOn(2n);
  complete.send(2, voted);
  expect(complete.violation).toBeUndefined();

  const behind = votedAndWentOn(1n);
  behind.send(2, voted);
  expect(behind.violation).toBe("votes-for-complete-logs");
});

test("votes-for-complete-logs: a vote that is given again after a restart, too", () => {
  const cluster = founded();
  campaign(cluster);
  cluster.send(1, { ...request, transfer: true, lastLogIndex: 1n, lastLogTerm: 1n });
  cluster.disk(2).tell({ term: 3n, vote: 20n });
  cluster.slots[2]!.end();
  cluster.look(2);
  cluster.slots[2]!.start();
  cluster.look(2);
  cluster.send(2, voted);
  expect(cluster.violation).toBe("votes-for-complete-logs");
});
