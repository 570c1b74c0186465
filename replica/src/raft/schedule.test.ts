import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runSchedule } from "./schedule.ts";
import { describeCluster } from "./schedule-convergence.ts";
import type { CutShape, Operation, Schedule } from "./schedule-operations.ts";
import { SLOTS } from "./schedule-operations.ts";

/** For longer searches: how long each kind of schedule is tried, from where, and along which path. */
const seconds = Number(process.env.RSTORE_SCHEDULE_SECONDS ?? 0);
const runs = Number(process.env.RSTORE_SCHEDULE_RUNS ?? 0);
const path = process.env.RSTORE_SCHEDULE_PATH;
/** "0": show the first failure as it is. */
const shrink = process.env.RSTORE_SCHEDULE_SHRINK !== "0";
const seed = seedFrom(process.env.RSTORE_SCHEDULE_SEED);

/** Without a wish the same schedules each time; "random" for others each time. */
function seedFrom(wish: string | undefined): number {
  if (wish === undefined) return 20_140_619;
  return wish === "random" ? Math.floor(Math.random() * 2 ** 31) : Number(wish);
}

type Weights = { readonly [O in Operation["op"]]: number };

const who = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.constant(1) },
  { weight: 6, arbitrary: fc.integer({ min: 2, max: 9 }) },
);
const shape = fc.constantFrom<CutShape[]>("isolate", "deafen", "mute", "halve", "links");
const slots = fc.integer({ min: 1, max: 2 ** SLOTS - 1 });

const operations: { readonly [O in Operation["op"]]: fc.Arbitrary<Extract<Operation, { op: O }>> } = {
  run: fc.record({
    op: fc.constant("run" as const),
    rounds: fc.oneof(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 6, max: 50 })),
    quality: fc.oneof(fc.integer({ min: 0, max: 1 }), fc.integer({ min: 0, max: 2 })),
    disk: fc.oneof(
      { weight: 8, arbitrary: fc.integer({ min: 0, max: 1 }) },
      { weight: 1, arbitrary: fc.constant(2) },
    ),
    salt: fc.nat({ max: 2 ** 31 - 1 }),
  }),
  propose: fc.record({
    op: fc.constant("propose" as const),
    who,
    count: fc.integer({ min: 1, max: 4 }),
    bytes: fc.integer({ min: 0, max: 40 }),
  }),
  read: fc.record({ op: fc.constant("read" as const), who, count: fc.integer({ min: 1, max: 2 }) }),
  crash: fc.record({
    op: fc.constant("crash" as const),
    who,
    survivors: fc.integer({ min: 0, max: 3 }),
    torn: fc.boolean(),
    restart: fc.oneof(
      { weight: 2, arbitrary: fc.constant(true) },
      { weight: 1, arbitrary: fc.constant(false) },
    ),
  }),
  start: fc.record({ op: fc.constant("start" as const), who }),
  cut: fc.record({
    op: fc.constant("cut" as const),
    who,
    shape,
    mask: fc.nat({ max: 2 ** 24 - 1 }),
    count: fc.nat({ max: 3 }),
  }),
  heal: fc.record({ op: fc.constant("heal" as const), start: fc.boolean() }),
  pause: fc.record({
    op: fc.constant("pause" as const),
    who,
    rounds: fc.integer({ min: 1, max: 60 }),
    ticks: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 30 })),
  }),
  change: fc.record({
    op: fc.constant("change" as const),
    voters: slots,
    learners: fc.nat({ max: 2 ** SLOTS - 1 }),
    flags: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 7 }) }),
  }),
  transfer: fc.record({ op: fc.constant("transfer" as const), who, target: who }),
  abort: fc.record({ op: fc.constant("abort" as const), who }),
  forget: fc.record({ op: fc.constant("forget" as const), who }),
  compact: fc.record({
    op: fc.constant("compact" as const),
    who,
    retained: fc.integer({ min: 0, max: 3 }),
    snapshot: fc.oneof(
      { weight: 3, arbitrary: fc.constant(true) },
      { weight: 1, arbitrary: fc.constant(false) },
    ),
  }),
  flush: fc.record({ op: fc.constant("flush" as const), who }),
  disconnect: fc.record({ op: fc.constant("disconnect" as const), who, peer: who }),
  unreachable: fc.record({ op: fc.constant("unreachable" as const), who, peer: who }),
};

function schedules(weights: Weights, most: number, fewestVoters = 3): fc.Arbitrary<Schedule> {
  const choices = Object.entries(operations).flatMap(([op, arbitrary]) => {
    const weight = weights[op as Operation["op"]];
    return weight === 0 ? [] : [{ weight, arbitrary: arbitrary as fc.Arbitrary<Operation> }];
  });
  const schedule = fc.record({
    voters: fc.integer({ min: fewestVoters, max: 5 }),
    seed: fc.nat({ max: 2 ** 31 - 1 }),
    compacted: fc.boolean(),
    readsPending: fc.boolean(),
    calmRounds: fc.constantFrom(0, 30),
    operations: fc.array(fc.oneof(...choices), { maxLength: most, size: "max" }),
  });
  return fc.noBias(schedule);
}

/** Fails with the shortest schedule found and one line that runs it again. */
function search(name: string, arbitrary: fc.Arbitrary<Schedule>, defaultRuns: number): void {
  it(name, { timeout: (seconds + 120) * 1_000 }, () => {
    const details = fc.check(
      fc.property(arbitrary, (schedule) => void runSchedule(schedule)),
      {
        seed,
        ...(path === undefined ? {} : { path }),
        endOnFailure: path !== undefined || !shrink,
        numRuns: seconds > 0 ? Number.MAX_SAFE_INTEGER : runs || defaultRuns,
        ...(seconds > 0 ? { interruptAfterTimeLimit: seconds * 1_000, markInterruptAsFailure: false } : {}),
      },
    );
    if (!details.failed) return;
    const reproduction =
      `RSTORE_SCHEDULE_SEED=${details.seed} RSTORE_SCHEDULE_PATH=${details.counterexamplePath} ` +
      `npx vitest run src/raft/schedule.test.ts -t "${name}"`;
    const error = details.errorInstance instanceof Error ? details.errorInstance.message : "interrupted";
    expect.fail(
      `${error}\nrun ${details.numRuns}: ${reproduction}\n${JSON.stringify(details.counterexample?.[0])}`,
    );
  });
}

const everything: Weights = {
  run: 36,
  propose: 10,
  read: 5,
  crash: 5,
  start: 3,
  cut: 4,
  heal: 4,
  pause: 2,
  change: 4,
  transfer: 2,
  abort: 1,
  forget: 1,
  compact: 4,
  flush: 1,
  disconnect: 1,
  unreachable: 1,
};
const calm: Weights = {
  ...everything,
  change: 0,
  transfer: 0,
  compact: 0,
  flush: 0,
  disconnect: 0,
  unreachable: 0,
};

describe("randomised schedules keep election safety, log matching, leader completeness and state-machine safety", () => {
  search("with every fault and every kind of change", schedules(everything, 100), 600);
  search("with crashes and partitions", schedules({ ...calm, read: 0 }, 60), 600);
  search(
    "with changes of membership",
    schedules({ ...everything, change: 14, cut: 6, crash: 6, read: 8 }, 100, 1),
    250,
  );
  search(
    "with reads at old and new leaders",
    schedules({ ...calm, read: 20, cut: 8, crash: 10, pause: 6, transfer: 3 }, 80),
    250,
  );
  search(
    "with compaction and snapshots",
    schedules({ ...everything, compact: 14, flush: 4, change: 3 }, 100),
    250,
  );
});

describe("the harness", () => {
  it("ends the same schedule the same way", () => {
    const [schedule] = fc.sample(schedules(everything, 100), { seed: 7, numRuns: 1 });
    expect(describeCluster(runSchedule(schedule!))).toBe(describeCluster(runSchedule(schedule!)));
  });

  it("gets to what it is to test", () => {
    const total: Record<string, number> = {};
    for (const schedule of fc.sample(schedules(everything, 100), { seed: 7, numRuns: 40 })) {
      const { model, reads } = runSchedule(schedule);
      for (const [what, times] of Object.entries({ ...model.reached, ...reads.counts })) {
        total[what] = (total[what] ?? 0) + times;
      }
    }
    for (const [what, times] of Object.entries(total)) expect(times, what).toBeGreaterThan(5);
  });
});
