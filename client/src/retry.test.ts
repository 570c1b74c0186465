import { describe, expect, test } from "vitest";
import { AttemptError } from "./attempt-error.ts";
import { type Reason, reasons } from "./errors.ts";
import { backoffMs, decideRetry } from "./retry.ts";

function decide(reason: Reason, applied: "no" | "maybe", write: boolean, remainingMs = 1_000) {
  const error = new AttemptError(reason, "failed", { applied });
  return decideRetry({ write, error, attempts: 1, elapsedMs: 5, remainingMs, random: 0.5 });
}

const passing: readonly Reason[] = [
  "not-leader",
  "no-leader",
  "no-quorum",
  "not-ready",
  "not-initialized",
  "member-removed",
  "shutting-down",
  "limit-exceeded",
  "unavailable",
  "deadline-exceeded",
  "outcome-unknown",
];

describe("what is tried again", () => {
  test("a write that may have been applied never is, whatever the reason (D9)", () => {
    for (const reason of reasons) {
      const decision = decide(reason, "maybe", true);
      expect(decision.type, reason).toBe("fail");
      if (decision.type === "fail") expect(decision.error.outcome).toBe("unknown");
    }
  });

  test("a write that was certainly not applied is, when the failure passes", () => {
    for (const reason of reasons) {
      const decision = decide(reason, "no", true);
      expect(decision.type, reason).toBe(passing.includes(reason) ? "retry" : "fail");
      if (decision.type === "fail") expect(decision.error.outcome).toBe("not-applied");
    }
  });

  test("a read is, when the failure passes, and its outcome is never unknown", () => {
    for (const reason of reasons) {
      const decision = decide(reason, "maybe", false);
      expect(decision.type, reason).toBe(passing.includes(reason) ? "retry" : "fail");
      if (decision.type === "fail") expect(decision.error.outcome).toBe("not-applied");
    }
  });

  test("nothing is, when the deadline comes before the next attempt", () => {
    expect(decide("no-leader", "no", true, 1).type).toBe("fail");
  });
});

test("waits double up to half a second, with jitter over the upper half", () => {
  expect([1, 2, 3, 7, 50].map((attempts) => backoffMs(attempts, 0))).toEqual([5, 10, 20, 250, 250]);
  expect(backoffMs(50, 1)).toBe(500);
});
