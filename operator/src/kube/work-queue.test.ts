import { beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "./fake-clock.ts";
import { WorkQueue, type WorkQueueOptions } from "./work-queue.ts";

interface Job {
  readonly key: string;
  readonly startedMs: number;
  end(againMs?: number): void;
  fail(): void;
}

let clock: FakeClock;
let jobs: Job[];
let failures: { key: string; retryInMs: number }[];

beforeEach(() => {
  clock = new FakeClock();
  jobs = [];
  failures = [];
});

function queueOf(options: Partial<WorkQueueOptions> = {}): WorkQueue {
  return new WorkQueue({
    clock,
    backoffMinMs: 100,
    backoffMaxMs: 1000,
    perSecond: 1000,
    burst: 1000,
    workers: 2,
    work: (key) =>
      new Promise((resolve, reject) => {
        const end = (againMs?: number) => resolve(againMs);
        jobs.push({ key, startedMs: clock.nowMs(), end, fail: () => reject(new Error("failed")) });
      }),
    failed: (key, _error, retryInMs) => failures.push({ key, retryInMs }),
    ...options,
  });
}

const begun = () => jobs.map(({ key }) => key);

describe("a key in the queue", () => {
  it("is worked on once, however often it was added", async () => {
    const queue = queueOf({ workers: 1 });
    queue.add("a");
    for (let i = 0; i < 5; i += 1) queue.add("b");
    jobs[0]!.end();
    await clock.advance(0);
    jobs[1]!.end();
    await clock.advance(0);
    expect(begun()).toEqual(["a", "b"]);
  });

  it("is never worked on twice at a time, and again when it was added meanwhile", async () => {
    const queue = queueOf();
    queue.add("a");
    queue.add("a");
    await clock.advance(10_000);
    expect(begun()).toEqual(["a"]);
    jobs[0]!.end();
    await clock.advance(0);
    expect(begun()).toEqual(["a", "a"]);
  });

  it("waits twice as long after each failure, up to the limit, and not at all after a success", async () => {
    const queue = queueOf();
    queue.add("a");
    for (let i = 0; i < 6; i += 1) {
      await clock.advance(0);
      jobs.at(-1)!.fail();
      await clock.advance(1000);
    }
    expect(failures.map(({ retryInMs }) => retryInMs)).toEqual([100, 200, 400, 800, 1000, 1000]);
    jobs.at(-1)!.end();
    await clock.advance(0);
    queue.add("a");
    await clock.advance(0);
    jobs.at(-1)!.fail();
    await clock.advance(0);
    expect(failures.at(-1)).toEqual({ key: "a", retryInMs: 100 });
  });

  it("comes again when it asks to, sooner when it is added, and then only once", async () => {
    const queue = queueOf();
    queue.add("a");
    jobs[0]!.end(5000);
    await clock.advance(4999);
    expect(jobs).toHaveLength(1);
    queue.add("a");
    await clock.advance(0);
    jobs[1]!.end();
    await clock.advance(10_000);
    expect(jobs.map(({ startedMs }) => startedMs)).toEqual([0, 4999]);
  });

  it("keeps the earlier of two times to come again", async () => {
    const queue = queueOf();
    queue.addAfter("a", 100);
    queue.addAfter("a", 500);
    queue.addAfter("a", 50);
    await clock.advance(1000);
    expect(jobs.map(({ startedMs }) => startedMs)).toEqual([50]);
  });
});

describe("the queue", () => {
  it("works on as many keys at once as it has workers", async () => {
    const queue = queueOf({ workers: 2 });
    for (const key of ["a", "b", "c"]) queue.add(key);
    await clock.advance(0);
    expect(begun()).toEqual(["a", "b"]);
    expect(queue.depth).toBe(1);
    jobs[0]!.end();
    await clock.advance(0);
    expect(begun()).toEqual(["a", "b", "c"]);
  });

  it("begins no more keys per second than allowed, after a burst", async () => {
    const queue = queueOf({ workers: 100, perSecond: 10, burst: 5 });
    for (let i = 0; i < 20; i += 1) queue.add(`k${i}`);
    await clock.advance(0);
    expect(jobs).toHaveLength(5);
    await clock.advance(1000);
    expect(jobs).toHaveLength(15);
  });

  it("begins nothing after a stop, and waits for what is under way", async () => {
    const queue = queueOf();
    queue.add("a");
    queue.addAfter("b", 10);
    let stopped = false;
    const stop = queue.stop().then(() => {
      stopped = true;
    });
    await clock.advance(1000);
    expect(stopped).toBe(false);
    jobs[0]!.end(1);
    await stop;
    await clock.advance(1000);
    expect(begun()).toEqual(["a"]);
  });
});
