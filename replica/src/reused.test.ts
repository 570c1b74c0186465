import { expect, it } from "vitest";
import { reused } from "./reused.ts";

function counter() {
  const clock = { nowMs: 0, made: 0 };
  const ask = reused(
    async () => {
      clock.made += 1;
      if (clock.made === 3) throw new Error("the third");
      return clock.made;
    },
    () => clock.nowMs,
  );
  return { clock, ask };
}

it("is made once for those who ask at once and soon after, and anew for who asks a second later", async () => {
  const { clock, ask } = counter();
  expect(await Promise.all([ask(), ask(), ask()])).toEqual([1, 1, 1]);
  clock.nowMs = 249;
  expect(await ask()).toBe(1);
  clock.nowMs = 1000;
  expect(await ask()).toBe(2);
});

it("is made anew after a failure", async () => {
  const { clock, ask } = counter();
  for (clock.nowMs = 0; clock.nowMs < 2000; clock.nowMs += 1000) await ask();
  await expect(ask()).rejects.toThrow("the third");
  expect(await ask()).toBe(4);
});
