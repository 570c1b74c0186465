import { expect, test } from "vitest";
import type { PlanInput, Slot } from "../../plan/observation.ts";
import type { Step } from "../../plan/step.ts";
import type { StatusChange } from "../status-change.ts";
import { StepOutdatedError } from "../step-outdated-error.ts";
import { type ActContext, act } from "./act.ts";
import type { ReplicaSet } from "./replica-set.ts";

const reason = "why";

function slot(index: number, ready: boolean): Slot {
  return {
    index,
    kept: true,
    claim: { uid: `claim-${index}`, deleting: false, lost: false, attachableElsewhere: false },
    replica: { uid: `process-${index}`, ready, deleting: false, templateHash: "abc" },
    node: { state: "ok" },
    report: { kind: "silent", since: 0 },
  };
}

/** Slots 0 to 2 hold voters, two of which must stay. */
function contextWith(readiness: readonly boolean[]) {
  const calls: unknown[][] = [];
  const written: StatusChange[] = [];
  const replicas = new Proxy({} as ReplicaSet, {
    get:
      (_, name) =>
      (...args: unknown[]) =>
        void calls.push([name, ...args]),
  });
  const input = {
    slots: readiness.map((ready, index) => slot(index, ready)),
    budget: { minAvailable: 2, voters: [0, 1, 2] },
    configuration: undefined,
  } as Partial<PlanInput> as PlanInput;
  const context: ActContext = {
    input,
    addresses: new Map(),
    replicas,
    wanted: { flags: [], hash: "abc" },
    removed: new Map(),
    memberIn: (index) => ({ name: `local-${index}`, peerUrl: "", clientUrl: "" }),
    writeStatus: (change) => written.push(change),
  };
  return { context, calls, written };
}

function restart(index: number, how: "evict" | "delete" | "force"): Step {
  return { kind: "restartSlot", slot: index, replicaUid: `process-${index}`, how, reason };
}

test("a restart asks the budget, as a drain does: what is not ready may always go (E19)", async () => {
  const full = contextWith([true, true, true]);
  await act(restart(1, "evict"), full.context);
  expect(full.calls).toEqual([["restart", 1, "process-1", "evict"]]);
  const weak = contextWith([true, false, true]);
  await expect(act(restart(0, "evict"), weak.context)).rejects.toThrow(StepOutdatedError);
  await act(restart(1, "evict"), weak.context);
  await act(restart(0, "delete"), weak.context);
  expect(weak.calls).toEqual([
    ["restart", 1, "process-1", "evict"],
    ["restart", 0, "process-0", "delete"],
  ]);
});

test("what is meant by an address that is not there is refused, and nothing is called", async () => {
  const { context, calls } = contextWith([true, true, true]);
  const member = { memberId: "0000000000000001", clusterId: "0000000000000002" };
  const steps: Step[] = [
    { kind: "bootstrap", slot: 0, ...member, reason },
    { kind: "resetMember", slot: 0, ...member, removedIndex: 1n, reason },
    { kind: "transferLeadership", to: member.memberId, slot: 0, reason },
  ];
  for (const step of steps) await expect(act(step, context)).rejects.toThrow(StepOutdatedError);
  const change: Step = { kind: "changeMembership", expectedIndex: 1n, target: [], reason };
  await expect(act(change, context)).rejects.toThrow(StepOutdatedError);
  expect(calls).toEqual([]);
});

test("notes go to status, and a cleared one is taken out", async () => {
  const { context, written } = contextWith([]);
  await act({ kind: "clearLatch", reason }, context);
  await act({ kind: "recordClusterId", clusterId: "0000000000000002", reason }, context);
  expect(written).toEqual([{ change: undefined }, { clusterId: "0000000000000002" }]);
});
