import { expect, it, vi } from "vitest";
import { Distribution } from "./instruments.ts";
import { anonymousFrom, limitFrom, ProcessWatch } from "./process-watch.ts";

it("knows the limit of a control group, and when there is none", () => {
  expect(limitFrom("536870912\n")).toBe(512 * 1024 * 1024);
  expect(limitFrom("max\n")).toBeUndefined();
  expect(limitFrom("9223372036854771712\n")).toBeUndefined();
  expect(limitFrom(undefined)).toBeUndefined();
});

it("takes the resident memory that the kernel cannot drop", () => {
  expect(anonymousFrom("VmRSS:\t  200 kB\nRssAnon:\t  100 kB\nRssFile:\t  100 kB\n")).toBe(102_400);
  expect(anonymousFrom("VmRSS:\t  200 kB\n")).toBeUndefined();
});

it("reads this very process", () => {
  const reading = new ProcessWatch("1.2.3", new Distribution([])).read();
  expect(reading).toMatchObject({ version: "1.2.3", node: process.versions.node });
  expect(reading.heapLimitBytes).toBeGreaterThan(2 ** 20);
  expect(reading.anonymousMemoryBytes).toBeGreaterThan(2 ** 20);
  expect(reading.loopActiveSeconds).toBeGreaterThan(0);
});

/** What is observed when the loop is next looked at `blockedMs` after the start. */
async function delaysAfter(blockedMs: number): Promise<readonly number[]> {
  const now = vi.spyOn(performance, "now").mockReturnValue(0);
  const delays: number[] = [];
  const first = new Promise<void>((resolve) => {
    const watch = new ProcessWatch("", {
      observe(seconds) {
        delays.push(seconds);
        watch.stop();
        resolve();
      },
    });
    watch.start();
    now.mockReturnValue(blockedMs);
  });
  await first;
  now.mockRestore();
  return delays;
}

it("sees how long the event loop was blocked, once for each tick that fell into it", async () => {
  expect(await delaysAfter(40)).toEqual([0]);
  expect(await delaysAfter(150)).toEqual([0.05]);
  expect(await delaysAfter(550)).toEqual([0.45, 0.35, 0.25, 0.15, 0.05]);
  const ofAnHour = await delaysAfter(3_600_000);
  expect([ofAnHour.length, ofAnHour[0]]).toEqual([100, 3599.9]);
});
