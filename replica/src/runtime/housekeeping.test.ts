import { expect, test } from "vitest";
import { Housekeeping } from "./housekeeping.ts";
import { limits } from "./limits.ts";

test("a leader on a full disk hands over once in a while, or full members would pass leadership round (B11)", async () => {
  let handOvers = 0;
  const parts = {
    isLeader: () => true,
    snapshotSender: { tick: () => {}, pinnedIndex: () => undefined },
    machine: { durableAppliedIndex: 0n },
    handOver: async () => {
      handOvers += 1;
    },
    directory: {
      log: { indexLeaving: () => 0n, firstIndex: () => 1n },
      store: { scrubStep: () => {} },
    },
    limits,
    config: { logRetainedEntries: 1, logRetainedBytes: 1 },
    disk: { check: async () => {}, report: { state: "full" } },
    failed: (error: unknown) => {
      throw error;
    },
  } as unknown as ConstructorParameters<typeof Housekeeping>[0];
  const housekeeping = new Housekeeping(parts);
  for (let nowMs = 0; nowMs <= limits.fullHandOverMs; nowMs += limits.housekeepingMs) {
    housekeeping.tick(nowMs);
    await new Promise((resolve) => setImmediate(resolve));
    if (nowMs < limits.fullHandOverMs) expect(handOvers).toBe(1);
  }
  expect(handOvers).toBe(2);
});
