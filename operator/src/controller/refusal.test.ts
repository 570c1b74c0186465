import { expect, it } from "vitest";
import { KubeError, type KubeErrorCode } from "../kube/kube-error.ts";
import { refusalFrom } from "./refusal.ts";

it.each<[code: KubeErrorCode, refused: boolean]>([
  ["invalid", true],
  ["forbidden", true],
  ["conflict", false],
  ["not-found", false],
  ["too-many-requests", false],
  ["unavailable", false],
  ["namespace-terminating", false],
])("an answer of %s is told as trouble: %s", (code, refused) => {
  const finding = refusalFrom(new KubeError(code, "apply StatefulSet ns/demo: requests exceed limits"));
  expect(finding?.level).toBe(refused ? "trouble" : undefined);
  if (refused) expect(finding?.message).toContain("requests exceed limits");
});

it("a plan that was carried out has no trouble of this kind, and a note stays short enough for an Event", () => {
  expect(refusalFrom(undefined)).toBeUndefined();
  expect(refusalFrom(new KubeError("invalid", "x".repeat(5_000)))?.message.length).toBeLessThan(1_024);
});
