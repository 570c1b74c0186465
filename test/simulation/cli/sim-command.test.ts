import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { drawPlan } from "../plan/draw-plan.ts";
import { formatPlan } from "../plan/plan-file.ts";
import type { Plan, RunPlan, RunResult } from "../plan/types.ts";
import { counters } from "../world/coverage.ts";
import type { Surroundings } from "./carry-out.ts";
import { runJob } from "./run-job.ts";
import { simCommand } from "./sim-command.ts";

function resultOf(plan: Plan, property?: string): RunResult {
  return {
    plan,
    violation:
      property === undefined ? undefined : { property, message: "it broke", atUs: 1_500_000, step: 12 },
    traceHash: `hash of ${plan.seed}`,
    simulatedMs: 20_000,
    steps: 100,
    coverage: [["elections.won", 1]],
    lastEvents: property === undefined ? [] : ["the last event"],
  };
}

interface Fake {
  readonly runPlan?: RunPlan;
  readonly regressions?: readonly string[];
}

/** Runs the command with a run function of the test, and takes what it writes. */
async function sim(args: string, { runPlan = (plan) => resultOf(plan), regressions = [] }: Fake = {}) {
  const files = new Map<string, string>();
  const seeds: number[] = [];
  let out = "";
  let err = "";
  const counted: RunPlan = (plan, options) => {
    seeds.push(plan.seed);
    return runPlan(plan, options);
  };
  const surroundings: Surroundings = {
    runPlan: counted,
    createPool: (workers) => ({ parallel: workers, run: (job) => runJob(counted, job), close() {} }),
    cores: 2,
    write: (text) => {
      out += text;
    },
    writeError: (text) => {
      err += text;
    },
    progress: () => {},
    writeFile: (path, text) => files.set(path, text),
    resolvePath: (path) => `/here/${path}`,
    regressions: () => regressions,
    failuresFolder: "/failures",
    randomSeed: () => 900_000,
  };
  const code = await simCommand(args.split(" ").filter(Boolean), surroundings);
  return { code, out, err, files, seeds };
}

test("flags that are wrong end with 64 and say what is expected", async () => {
  for (const [args, expected] of [
    ["--sed 1", "unknown option"],
    ["--seed x", "whole number"],
    ["--seed", "argument missing"],
    ["--seeds 9..1", "1..2000"],
    ["--minutes 0", "above 0"],
    ["--workers 0", "1 to 256"],
    ["--seed 1 --seeds 1..2", "give one of"],
    ["--seed 1 --ci", "give one of"],
    ["--seed 1 --by abc", "--by chooses fresh seeds"],
    ["--by", "argument missing"],
    ["--seeds 1..2 --trace t.txt", "--trace"],
    ["--plan nowhere.json", "cannot be read"],
    ["run", "too many arguments"],
  ] as const) {
    const { code, err, seeds } = await sim(args);
    expect(code, args).toBe(64);
    expect(err, args).toContain(expected);
    expect(seeds, args).toEqual([]);
  }
});

test("--help answers with examples and ends with 0", async () => {
  const { code, out } = await sim("--help");
  expect(code).toBe(0);
  expect(out).toContain("npm run sim -- --seed 4711");
});

test("one seed is run once, and its trace hash is told", async () => {
  const { code, out, seeds } = await sim("--seed 4711");
  expect(code).toBe(0);
  expect(seeds).toEqual([4711]);
  expect(out).toContain("hash of 4711");
  expect(out).toContain("every property held");
});

test("a range runs each seed once, over all workers", async () => {
  const { code, out, seeds } = await sim("--seeds 1..7 --workers 3");
  expect(code).toBe(0);
  expect(seeds.toSorted()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(out).toMatch(/7 runs, 2.3 min simulated, \d+ simulated seconds per second and core, 0 failures/);
});

/** Breaks a property whenever a disk is emptied. */
const breaksOnWipe: RunPlan = (plan) =>
  resultOf(plan, plan.faults.some(({ fault }) => fault.kind === "wipe") ? "log-matching" : undefined);

const wipingSeed = Array.from({ length: 200 }, (_, i) => i).find((seed) =>
  drawPlan(seed).faults.some(({ fault }) => fault.kind === "wipe"),
)!;

test("a violation ends with 1: seed, property, last events, the shrunk plan and how to run it again", async () => {
  const { code, out, files } = await sim(`--seed ${wipingSeed}`, { runPlan: breaksOnWipe });
  expect(code).toBe(1);
  expect(out).toContain(`seed ${wipingSeed} broke log-matching at 1.500000 s, step 12`);
  expect(out).toContain("the last event");
  expect(out).toContain(`npm run sim -- --seed ${wipingSeed}`);
  const plan = JSON.parse(files.get(`/failures/${wipingSeed}.json`)!) as Plan;
  expect(plan.faults.map(({ fault }) => fault.kind)).toEqual(["wipe"]);
});

test("a smaller plan that breaks another property is not the same failure", async () => {
  const runPlan: RunPlan = (plan) => {
    if (breaksOnWipe(plan, { transcript: undefined }).violation === undefined) return resultOf(plan);
    return resultOf(plan, plan.shape.clients > 1 ? "log-matching" : "linearizable");
  };
  const seed = Array.from({ length: 400 }, (_, i) => i).find((candidate) => {
    const { shape, faults } = drawPlan(candidate);
    return shape.clients > 1 && faults.some(({ fault }) => fault.kind === "wipe");
  })!;
  const { files } = await sim(`--seed ${seed}`, { runPlan });
  const plan = JSON.parse(files.get(`/failures/${seed}.json`)!) as Plan;
  expect(plan.faults).toHaveLength(1);
  expect(plan.shape.clients).toBeGreaterThan(1);
});

test("a violation stops the session, unless it is to go on", async () => {
  const runPlan: RunPlan = (plan) => resultOf(plan, plan.seed % 2 === 0 ? "linearizable" : undefined);
  const stopped = await sim("--seeds 1..9 --workers 1 --shrink-seconds 0", { runPlan });
  expect(stopped.code).toBe(1);
  expect(stopped.seeds).toEqual([1, 2]);
  const whole = await sim("--seeds 1..9 --workers 1 --shrink-seconds 0 --keep-going", { runPlan });
  expect(whole.seeds).toHaveLength(9);
  expect(whole.out).toContain("4 failures");
});

test("what the simulation itself throws is a violation that names its seed", async () => {
  const { code, out } = await sim("--seed 5 --shrink-seconds 0", {
    runPlan: () => {
      throw new Error("the simulator is broken");
    },
  });
  expect(code).toBe(1);
  expect(out).toContain("seed 5 broke simulator-threw");
  expect(out).toContain("the simulator is broken");
});

test("--check-determinism fails when the second run of a seed is another one", async () => {
  let runs = 0;
  const runPlan: RunPlan = (plan) => {
    runs += 1;
    return { ...resultOf(plan), traceHash: runs === 4 ? "another" : "same" };
  };
  const { code, out } = await sim("--seeds 1..5 --workers 1 --check-determinism", { runPlan });
  expect(code).toBe(1);
  expect(out).toContain("seed 2 broke deterministic");
});

test("--require-coverage fails while something never happened in many runs, and names it", async () => {
  const few = await sim("--seeds 1..2 --require-coverage");
  expect(few.code).toBe(0);
  expect(few.out).toContain("COVERAGE NOT JUDGED: 2 runs are too few");
  const some = await sim("--seeds 1..400 --require-coverage");
  expect(some.code).toBe(1);
  expect(some.out).toContain("never happened: elections.started");
  const runPlan: RunPlan = (plan) => ({ ...resultOf(plan), coverage: counters.map((name) => [name, 1]) });
  expect((await sim("--seeds 1..400 --require-coverage", { runPlan })).code).toBe(0);
});

test("fresh seeds begin where chance says, which is printed, and end with the time", async () => {
  const { code, out, seeds } = await sim("--fresh --minutes 0.0005 --workers 1");
  expect(code).toBe(0);
  expect(out).toContain("fresh seeds from 900000 on");
  expect(seeds[0]).toBe(900_000);
  expect(seeds).toEqual(seeds.map((_, i) => 900_000 + i));
});

test("fresh seeds by a commit are the same for it, and others for another", async () => {
  const [one, again, other] = [
    await sim("--ci --by 48909be --workers 1"),
    await sim("--ci --by 48909be --workers 1"),
    await sim("--ci --by 48909bf --workers 1"),
  ];
  expect(one.seeds).toHaveLength(60);
  expect(again.seeds).toEqual(one.seeds);
  expect(other.seeds.filter((seed) => one.seeds.includes(seed))).toEqual([]);
  expect(one.seeds.every((seed) => Number.isSafeInteger(seed))).toBe(true);
  expect(one.out).toContain(`fresh seeds from ${one.seeds[0]} on`);
});

test("--trace writes the transcript of the run", async () => {
  const runPlan: RunPlan = (plan, { transcript }) => {
    transcript?.("first");
    transcript?.("second");
    return resultOf(plan);
  };
  const { code, files } = await sim("--seed 1 --trace run.txt", { runPlan });
  expect(code).toBe(0);
  expect(files.get("/here/run.txt")).toBe("first\nsecond\n");
});

test("--json is one object, also of a failure", async () => {
  const { code, out } = await sim("--seeds 1..3 --json --keep-going --shrink-seconds 0 --workers 1", {
    runPlan: (plan) => resultOf(plan, plan.seed === 2 ? "commit-never-back" : undefined),
  });
  expect(code).toBe(1);
  const report = JSON.parse(out) as Record<string, unknown>;
  expect(report).toMatchObject({ runs: 3, simulatedMs: 60_000, coverage: { "elections.won": 3 } });
  expect(report.failures).toMatchObject([{ name: "seed 2", plan: "/failures/2.json" }]);
});

test("regressions are the kept plans, run before fresh seeds", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "rstore-sim-")), "kept.json");
  writeFileSync(path, formatPlan({ ...drawPlan(1), seed: 77 }));
  const only = await sim("--regressions", { regressions: [path] });
  expect(only.seeds).toEqual([77]);
  const both = await sim("--seeds 1..2 --regressions --workers 1", { regressions: [path] });
  expect(both.seeds).toEqual([77, 1, 2]);
});
