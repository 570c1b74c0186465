import { expect, test } from "vitest";
import type { Logger } from "../log.ts";
import { systemClock } from "./clock.ts";
import { ProblemWatch } from "./problem-watch.ts";

test("a problem is told when it begins and when it is over, not at each look", () => {
  const lines: unknown[] = [];
  const log: Logger = { isDebug: false, record: (id, fields) => void lines.push([id, fields]) };
  let problems: string[] = [];
  let nowMs = 0;
  const watch = new ProblemWatch({
    problems: () => problems,
    clock: { ...systemClock, nowMs: () => nowMs },
    log,
  });
  for (const found of [[], ["a"], ["a", "b"], ["a", "b"], ["b"], []]) {
    problems = found;
    watch.look();
    nowMs += 1000;
  }
  expect(lines).toEqual([
    ["problem.raised", { problem: "a" }],
    ["problem.raised", { problem: "b" }],
    ["problem.cleared", { problem: "a", lastedMs: 3000 }],
    ["problem.cleared", { problem: "b", lastedMs: 3000 }],
  ]);
});
