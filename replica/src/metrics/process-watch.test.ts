import { expect, it } from "vitest";
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

it("sees how long the event loop was blocked", async () => {
  const delays = new Distribution([0.25]);
  const watch = new ProcessWatch("", delays);
  watch.start();
  const untilMs = performance.now() + 400;
  while (performance.now() < untilMs);
  await expect.poll(() => delays.counts[1], { timeout: 10_000 }).toBe(1);
  watch.stop();
});
