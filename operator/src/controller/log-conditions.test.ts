import { MessageLog } from "@rstore/replica/message-log";
import { expect, test } from "vitest";
import type { ReplicatedStoreStatus } from "../api/v1alpha1/types.ts";
import { messages } from "../messages/messages.ts";
import { logConditions } from "./log-conditions.ts";

type Condition = NonNullable<ReplicatedStoreStatus["conditions"]>[number];

function condition(type: Condition["type"], status: Condition["status"], reason: string): Condition {
  return {
    type,
    status,
    reason,
    message: "m",
    lastTransitionTime: "2026-01-01T00:00:00Z",
    observedGeneration: 1,
  };
}

test("a condition that changed is a line, one that did not is none", () => {
  const lines: unknown[] = [];
  const log = new MessageLog({ table: messages, level: "info", write: (_, fields) => lines.push(fields) });
  const before = {
    conditions: [condition("Available", "True", "Quorum"), condition("Degraded", "False", "Fine")],
  };
  const after = {
    conditions: [
      condition("Available", "True", "Quorum"),
      condition("Degraded", "True", "MemberDown"),
      condition("Progressing", "True", "Growing"),
    ],
  };
  logConditions(log, "ns/name", before, after);
  expect(lines).toMatchObject([
    { msgId: "store.condition", store: "ns/name", condition: "Degraded", status: "True", before: "False" },
    { msgId: "store.condition", store: "ns/name", condition: "Progressing", status: "True" },
  ]);
});
