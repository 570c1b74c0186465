import { expect, it } from "vitest";
import type { ObservedReplica } from "../member/observe-members.ts";
import { type Outages, reportOf } from "./outages.ts";

const answer = {
  kind: "member",
  memberId: "a",
  clusterId: "c",
  incarnation: 1n,
  leaderless: true,
  refused: false,
} as const;

const replica = (leaderId: bigint): ObservedReplica => ({
  answer,
  status: { header: { leaderId } } as ObservedReplica["status"],
});
const leaderless = replica(0n);
const silent: ObservedReplica = { answer: undefined, status: undefined };

interface Sight {
  readonly observed: ObservedReplica | undefined;
  readonly uid?: string;
  readonly damage?: string;
  readonly unreadySince?: number | undefined;
}

/** What is reported at second 1, 2, 3, … */
function reports(...sights: Sight[]) {
  const outages: Outages = new Map();
  return sights.map((sight, i) =>
    reportOf(outages, { uid: "u", damage: undefined, unreadySince: 0, ...sight, nowMs: (i + 1) * 1_000 }),
  );
}

const since = (...sights: Sight[]) =>
  reports(...sights).map((report) => (report.kind === "member" ? report.leaderlessSince : undefined));

it("is silent since the first look at which it was", () => {
  const [first, again, answered, anew] = reports(
    { observed: silent },
    { observed: undefined },
    { observed: replica(1n) },
    { observed: silent },
  );
  expect(first).toEqual({ kind: "silent", since: 1_000 });
  expect(again).toEqual({ kind: "silent", since: 1_000 });
  expect(answered).toEqual(answer);
  expect(anew).toEqual({ kind: "silent", since: 4_000 });
});

it("is leaderless since the first look at which it said so, without a break", () => {
  expect(since({ observed: leaderless }, { observed: leaderless })).toEqual([1_000, 1_000]);
  expect(since({ observed: leaderless }, { observed: replica(1n) }, { observed: leaderless })).toEqual([
    1_000,
    undefined,
    3_000,
  ]);
  expect(since({ observed: leaderless }, { observed: silent }, { observed: leaderless })).toEqual([
    1_000,
    undefined,
    3_000,
  ]);
});

it("is counted anew with each process", () => {
  expect(since({ observed: leaderless }, { observed: leaderless, uid: "v" })).toEqual([1_000, 2_000]);
});

it("is not leaderless while it is ready, and only since it has not been, if that is later (E23)", () => {
  const ready = { observed: leaderless, unreadySince: undefined };
  expect(since({ observed: leaderless }, ready, { observed: leaderless })).toEqual([1_000, undefined, 3_000]);
  expect(since({ observed: leaderless }, { observed: leaderless, unreadySince: 1_500 })).toEqual([
    1_000, 1_500,
  ]);
});

it("is not known to be leaderless when it does not answer for its status: it may lead", () => {
  expect(since({ observed: { answer, status: undefined } })).toEqual([undefined]);
});

it("is damaged when its last end said so", () => {
  expect(reports({ observed: silent, damage: "73" })).toEqual([{ kind: "damaged", detail: "73" }]);
});
