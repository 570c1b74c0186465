import { beforeEach, expect, test } from "vitest";
import { NO_MEMBER } from "../raft/types.ts";
import { limits } from "./limits.ts";
import { LinearizableReads } from "./linearizable-reads.ts";
import { ManualClock } from "./raft-loop-harness.ts";
import { Readiness } from "./readiness.ts";

const leaderlessMs = 3000;
const noLeader = "no leader is known";
const behind = "has not caught up since its start";

let clock: ManualClock;
let reads: LinearizableReads;
let readiness: Readiness;

beforeEach(() => {
  clock = new ManualClock();
  reads = new LinearizableReads(limits);
  readiness = new Readiness({ clock, limits, reads });
});

const ask = (): bigint[] => {
  const asked: bigint[] = [];
  readiness.confirm();
  reads.request((id) => {
    asked.push(id);
    return { ok: true };
  });
  return asked;
};

async function catchUp(): Promise<void> {
  readiness.leaderIs(1n);
  for (const requestId of ask()) reads.confirmed([{ requestId, index: 5n }]);
  reads.serve(5n);
  await clock.settle();
}

test("a member is not ready before a linearizable read has succeeded", async () => {
  expect(readiness.problems(leaderlessMs)).toEqual([behind]);
  readiness.leaderIs(1n);
  for (const requestId of ask()) reads.confirmed([{ requestId, index: 5n }]);
  reads.serve(4n);
  await clock.settle();
  expect(readiness.problems(leaderlessMs)).toEqual([behind]);
  reads.serve(5n);
  await clock.settle();
  expect(readiness.problems(leaderlessMs)).toEqual([]);
});

test("one that could not be confirmed is asked for again", async () => {
  readiness.leaderIs(1n);
  expect(ask()).toHaveLength(1);
  await clock.advance(limits.catchUpAskMs + 1);
  reads.expire(clock.nowMs());
  await clock.settle();
  expect(ask()).toHaveLength(1);
});

test("an election takes nobody out of service, three election timeouts without a leader do (C4)", async () => {
  await catchUp();
  await clock.advance(60_000);
  readiness.leaderIs(NO_MEMBER);
  await clock.advance(leaderlessMs - 1);
  readiness.leaderIs(NO_MEMBER);
  expect(readiness.problems(leaderlessMs)).toEqual([]);
  expect(readiness.problems(0)).toEqual([noLeader]);
  await clock.advance(1);
  expect(readiness.problems(leaderlessMs)).toEqual([noLeader]);
  readiness.leaderIs(2n);
  expect(readiness.problems(leaderlessMs)).toEqual([]);
  readiness.leaderIs(NO_MEMBER);
  expect(readiness.problems(leaderlessMs), "each time begins anew").toEqual([]);
});
