import type { ReplicatedStore } from "@rstore/operator/api/v1alpha1/types";
import type {
  KubernetesObject,
  V1Pod,
  V1PodDisruptionBudget,
  V1StatefulSet,
} from "@rstore/operator/kube/objects";
import { expect } from "vitest";
import { nameOf, settleMs, type TestStore } from "./test-store.ts";

export interface Expected {
  readonly replicas: number;
  /** Slots whose claims were kept although nobody is in them. */
  readonly keptClaims?: readonly number[];
  readonly timeoutMs?: number;
}

/**
 * Everything that must hold after each scenario: status says Available and nothing is under way, what it says is
 * what the replicas say themselves, the objects are those that belong there, and every acknowledged write is on
 * every member.
 */
export async function expectSettled(store: TestStore, expected: Expected): Promise<void> {
  await awaitSettled(store, expected);
  await expectTruth(store, expected);
  await expectObjects(store, expected);
  await expectWrites(store);
}

export async function awaitSettled(
  store: TestStore,
  { replicas, timeoutMs = settleMs }: Expected,
): Promise<ReplicatedStore> {
  return store.eventually(
    `${replicas} replicas, and nothing under way`,
    async () => {
      const resource = await store.read();
      return isSettled(resource, replicas) && resource;
    },
    timeoutMs,
  );
}

export function conditionOf({ status }: ReplicatedStore, type: string): string {
  const condition = status?.conditions?.find((candidate) => candidate.type === type);
  return condition === undefined ? "" : `${condition.status} ${condition.reason}`;
}

function isSettled(resource: ReplicatedStore, replicas: number): boolean {
  const { status, metadata } = resource;
  return (
    status?.observedGeneration === metadata.generation &&
    status?.conditions?.every(({ observedGeneration }) => observedGeneration === metadata.generation) ===
      true &&
    conditionOf(resource, "Available").startsWith("True") &&
    conditionOf(resource, "Progressing").startsWith("False") &&
    conditionOf(resource, "Degraded").startsWith("False") &&
    status.readyReplicas === replicas &&
    status.replicas === replicas &&
    status.members?.length === replicas &&
    status.change === undefined &&
    status.scaleOut === undefined
  );
}

/** Nothing is under way, and what status says is what the replicas answer. */
async function expectTruth(store: TestStore, { replicas, timeoutMs }: Expected): Promise<void> {
  const names = Array.from({ length: replicas }, (_, slot) => `${store.name}-${slot}`);
  await store.eventually(
    "status says what the replicas say",
    async () => {
      const truth = await store.writer.truth();
      const resource = await store.read();
      // It was written before the last fault, perhaps.
      if (!isSettled(resource, replicas)) return false;
      const { status } = resource;
      expect(truth.members.map(({ name }) => name).sort()).toEqual(names);
      expect(truth.members.every(({ kind }) => kind === "voter")).toBe(true);
      expect(truth.joint).toBe(false);
      expect(truth.replicas.flatMap(({ problems }) => problems)).toEqual([]);
      expect(status?.clusterId).toBe(truth.clusterId);
      expect(status?.leader).toBe(truth.leader);
      const said = (status?.members ?? []).map(({ id, name, role }) => `${name} ${id} ${role}`).sort();
      const asked = truth.replicas.map(({ id, name, role }) => `${name} ${id} ${roleWord(role)}`).sort();
      expect(said).toEqual(asked);
      return true;
    },
    timeoutMs,
  );
}

function roleWord(role: string): string {
  return role === "leader" ? "Leader" : role === "learner" ? "Learner" : "Follower";
}

async function expectObjects(store: TestStore, { replicas, keptClaims = [] }: Expected): Promise<void> {
  const slots = Array.from({ length: replicas }, (_, slot) => slot);
  const pods = await store.pods();
  expect(pods.map(nameOf)).toEqual(slots.map((slot) => `${store.name}-${slot}`));
  expect(pods.map(isMarkedVoter), "every voter's pod is marked").toEqual(slots.map(() => true));
  const claims = await store.claims();
  const wanted = [...slots, ...keptClaims].map((slot) => `data-${store.name}-${slot}`);
  expect(claims.map(nameOf)).toEqual(wanted.sort());
  const set = await owned<V1StatefulSet>(store, "apps/v1", "StatefulSet");
  expect(set.map((object) => [nameOf(object), object.spec?.replicas])).toEqual([[store.name, replicas]]);
  const budgets = await owned<V1PodDisruptionBudget>(store, "policy/v1", "PodDisruptionBudget");
  const majority = Math.floor(replicas / 2) + 1;
  const { spec } = await store.read();
  const needed = replicas <= 2 && spec.drains?.mayInterruptService === true ? majority - 1 : majority;
  expect(budgets.map((budget) => budget.spec?.minAvailable)).toEqual([needed]);
  const services = await owned(store, "v1", "Service");
  expect(services.map(nameOf).sort()).toEqual([store.name, `${store.name}-peers`]);
  expect((await owned(store, "networking.k8s.io/v1", "NetworkPolicy")).map(nameOf)).toEqual([store.name]);
  expect((await owned(store, "v1", "ServiceAccount")).map(nameOf)).toEqual([store.name]);
}

function isMarkedVoter({ metadata }: V1Pod): boolean {
  return metadata?.labels?.["rstore.dev/voter"] === "true";
}

async function owned<T extends KubernetesObject>(
  store: TestStore,
  apiVersion: string,
  kind: string,
): Promise<readonly T[]> {
  const options = { namespace: store.namespace, labelSelector: store.selector };
  const { items } = await store.cluster.client.list<T>({ apiVersion, kind }, options);
  return items;
}

/** Every acknowledged write is on every member, and the writers' history has an order that explains it. */
export async function expectWrites(store: TestStore): Promise<void> {
  const verdict = await store.writer.verify();
  expect(verdict.problems.join("\n\n")).toBe("");
  for (const [name, keys] of Object.entries(verdict.lost)) {
    expect(keys, `acknowledged and not on ${name}`).toEqual([]);
  }
  for (const [name, keys] of Object.entries(verdict.revived)) {
    expect(keys, `refused as not applied and yet on ${name}`).toEqual([]);
  }
  expect(verdict.acknowledged).toBeGreaterThan(10);
}
