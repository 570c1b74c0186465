import { expect, test } from "vitest";
import type { Configuration, MemberId } from "../types.ts";
import { Tracker } from "./tracker.ts";

const options = { id: 1n, inflightMaxMessages: 4, inflightMaxBytes: 100, leaverMaxTicks: 7 };

function configuration(
  voters: MemberId[],
  outgoing: MemberId[] = [],
  learners: MemberId[] = [],
): Configuration {
  return { voters, outgoing, learners, learnersNext: [], context: new Uint8Array(0) };
}

function peersOf(tracker: Tracker): MemberId[] {
  return tracker.peers.map((progress) => progress.id);
}

test("members of both halves and learners are tracked, each once, and all but the leader are sent to", () => {
  const tracker = new Tracker(options);
  tracker.follow(5n, configuration([1n, 4n], [1n, 2n, 3n], [5n]), 9n);
  expect([...tracker.members.keys()]).toEqual([1n, 2n, 3n, 4n, 5n]);
  expect(peersOf(tracker)).toEqual([2n, 3n, 4n, 5n]);
  expect(tracker.member(4n)).toMatchObject({ match: 0n, next: 9n, state: "probe" });
});

test("a member that stays keeps its progress; one that goes becomes a leaver with it", () => {
  const tracker = new Tracker(options);
  tracker.follow(1n, configuration([1n, 2n, 3n]), 2n);
  tracker.member(2n)!.maybeUpdate(7n);
  tracker.member(3n)!.maybeUpdate(6n);
  tracker.follow(8n, configuration([1n, 2n]), 8n);
  expect(tracker.member(2n)?.match).toBe(7n);
  expect(tracker.member(3n)).toBeUndefined();
  expect(tracker.leavers.get(3n)).toMatchObject({ configurationIndex: 8n, remainingTicks: 7 });
  expect(tracker.find(3n)?.match).toBe(6n);
  expect(peersOf(tracker)).toEqual([2n, 3n]);
  tracker.removeLeaver(3n);
  expect(peersOf(tracker)).toEqual([2n]);
});

test("the leader itself is never a leaver", () => {
  const tracker = new Tracker(options);
  tracker.follow(1n, configuration([1n, 2n]), 2n);
  tracker.follow(3n, configuration([2n]), 3n);
  expect(tracker.leavers.size).toBe(0);
  expect(peersOf(tracker)).toEqual([2n]);
});

test("leavers are bounded: the oldest is given up first", () => {
  const tracker = new Tracker(options);
  for (let id = 2n; id < 40n; id++) {
    tracker.follow(id * 2n, configuration([1n], [], [id]), 1n);
    tracker.follow(id * 2n + 1n, configuration([1n]), 1n);
  }
  expect([...tracker.leavers.keys()]).toEqual(Array.from({ length: 16 }, (_, i) => BigInt(i + 24)));
});
