import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import type { Job } from "./job.ts";
import { WorkerPool } from "./worker-pool.ts";

const module = fileURLToPath(new URL("./testing/fake-worker.ts", import.meta.url));
const pools: WorkerPool[] = [];
afterEach(() => {
  for (const pool of pools.splice(0)) pool.close();
});

function createPool(runMaxMs: number): WorkerPool {
  const pool = new WorkerPool({ workers: 2, module, runMaxMs });
  pools.push(pool);
  return pool;
}

const seed = (number: number): Job => ({ kind: "seed", seed: number });

test("a worker that dies names its seed, and another takes its place", async () => {
  const pool = createPool(60_000);
  expect((await pool.run(seed(1))).traceHash).toBe("1");
  expect((await pool.run(seed(2))).violation).toMatchObject({
    property: "worker-died",
    message: "the worker ended with code 7 in seed 2",
  });
  expect((await pool.run(seed(4))).traceHash).toBe("4");
});

test("a run that does not end is ended, and names its seed", async () => {
  const { violation } = await createPool(200).run(seed(3));
  expect(violation?.property).toBe("ends");
  expect(violation?.message).toContain("seed 3 did not end");
});
