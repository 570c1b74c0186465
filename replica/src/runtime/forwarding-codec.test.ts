import { describe, expect, test } from "vitest";
import { decodeOutcomes, encodeOutcomes } from "./forwarding-codec.ts";
import { ReplicaError, type WriteOutcome } from "./replica-api.ts";

const keyValue = {
  key: Buffer.from("k"),
  value: Buffer.from("v"),
  createRevision: 2n,
  modRevision: 3n,
  version: 2n,
  lease: 0n,
};

describe("forwarded outcomes", () => {
  test.each<WriteOutcome>([
    { type: "put", revision: 7n, previous: undefined },
    { type: "put", revision: 7n, previous: keyValue },
    { type: "delete", revision: 8n, deleted: 1, previous: [keyValue] },
    { type: "compact", revision: 9n },
    { type: "refused", refusal: { reason: "compare-failed", modRevision: 0n } },
    { type: "refused", refusal: { reason: "compacted", compactedRevision: 4n } },
    { type: "refused", refusal: { reason: "future", revision: 4n } },
    { type: "refused", refusal: { reason: "too-many-keys", limit: 10 } },
  ])("$type comes back as it was", (outcome) => {
    const [decoded] = decodeOutcomes(encodeOutcomes([outcome]));
    expect(JSON.stringify(decoded, plain)).toBe(JSON.stringify(outcome, plain));
  });

  test("an error keeps its reason and whether the write may have been applied (D9)", () => {
    const error = new ReplicaError("not-leader", "ask another", { outcome: "not-applied" });
    const [decoded] = decodeOutcomes(encodeOutcomes([{ type: "failed", error }]));
    expect(decoded).toMatchObject({
      type: "failed",
      error: { reason: "not-leader", outcome: "not-applied", message: "ask another" },
    });
  });

  test("the name and value of a limit arrive", () => {
    const detail = { subject: "proposalQueueMaxBytes", limit: 64 };
    const error = new ReplicaError("limit-exceeded", "slow down", { outcome: "not-applied", detail });
    const [decoded] = decodeOutcomes(encodeOutcomes([{ type: "failed", error }]));
    expect(decoded).toMatchObject({ type: "failed", error: { reason: "limit-exceeded", detail } });
  });

  test("what is no outcome is refused", () => {
    expect(() => decodeOutcomes(Buffer.from("nonsense"))).toThrow();
  });
});

/** Fields of the wire's own and kinds of byte arrays do not matter. */
function plain(key: string, value: unknown): unknown {
  if (key.startsWith("$")) return undefined;
  if (typeof value === "bigint") return `${value}n`;
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (value !== null && typeof value === "object" && !Array.isArray(value)) {
    if ((value as { type?: string }).type === "Buffer")
      return Buffer.from((value as { data: number[] }).data).toString("hex");
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  }
  return value;
}
