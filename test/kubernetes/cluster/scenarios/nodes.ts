import { expect } from "vitest";
import { awaitSettled, expectSettled } from "../expect-settled.ts";
import type { KubeCluster } from "../kube-cluster.ts";
import { measured, seconds } from "../measurements.ts";
import { nodeOfAll } from "../node-of-all.ts";
import { nameOf, type TestStore } from "../test-store.ts";
import { memberIds, slotOf } from "./pods.ts";

interface Victim {
  readonly slot: number;
  readonly uid: string | undefined;
  readonly memberId: string | undefined;
}

/** Loses the network, and gets it back: the member is the same one before and after. */
export async function cutAndHeal(
  cluster: KubeCluster,
  stores: readonly TestStore[],
  node: string,
): Promise<void> {
  const before = await Promise.all(stores.map(memberIds));
  const marks = await Promise.all(stores.map(nowOfWriter));
  await cluster.nodeFault("cut", node);
  await awaitNode(cluster, node, false);
  await cluster.deleteOperator();
  await Promise.all(stores.map((store) => awaitDegraded(store)));
  const pauses = await Promise.all(stores.map((store, i) => pauseSince(store, marks[i]!)));
  measured("a node cut off, until writes went on", pauses.join(" and "));
  await cluster.nodeFault("heal", node);
  await awaitNode(cluster, node, true);
  for (const [i, store] of stores.entries()) {
    await expectSettled(store, { replicas: 3 });
    if (store.storageClass === cluster.environment.sharedClass)
      expect(await memberIds(store)).toEqual(before[i]);
  }
}

/** Power off, and on again before anybody is replaced: the same members, also on volumes of their nodes. */
export async function killAndStart(
  cluster: KubeCluster,
  stores: readonly TestStore[],
  node: string,
): Promise<void> {
  const before = await Promise.all(stores.map(memberIds));
  const marks = await Promise.all(stores.map(nowOfWriter));
  await cluster.nodeFault("kill-node", node);
  await Promise.all(stores.map((store, i) => awaitWrites(store, marks[i]!)));
  await cluster.nodeFault("start-node", node);
  await cluster.deleteOperator();
  await awaitNode(cluster, node, true);
  for (const [i, store] of stores.entries()) {
    await expectSettled(store, { replicas: 3 });
    expect(await memberIds(store)).toEqual(before[i]);
  }
}

const outOfService = "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute";

/**
 * Power off, and nobody deletes the node's object. What hangs on its volumes is replaced past the deadline; what
 * could run elsewhere waits for a person to say that the node is dead, and then comes back as it was.
 */
export async function killForGood(
  cluster: KubeCluster,
  stores: readonly TestStore[],
  node: string,
): Promise<void> {
  const { sharedClass } = cluster.environment;
  const { kubectl } = cluster;
  const before = await Promise.all(stores.map(memberIds));
  const marks = await Promise.all(stores.map(nowOfWriter));
  const beganMs = performance.now();
  const replaceAt = async (store: TestStore, i: number, victim: Victim): Promise<void> => {
    if (store.storageClass === sharedClass) {
      await store.eventually("status says what it waits for", async () => {
        const degraded = (await store.read()).status?.conditions?.find(({ type }) => type === "Degraded");
        return degraded?.reason === "NodeUnreachable";
      });
      await kubectl.run("taint", "node", node, outOfService);
    }
    await store.awaitReplaced(victim.slot, victim.uid);
    await awaitSettled(store, { replicas: 3 });
    const took = seconds(performance.now() - beganMs);
    const pause = await pauseSince(store, marks[i]!);
    measured("a node dead and its object left", `writes paused for ${pause}, full strength after ${took}`);
    await expectSettled(store, { replicas: 3 });
    const after = await memberIds(store);
    if (store.storageClass === sharedClass) expect(after).toEqual(before[i]);
    else expect(after).not.toContain(victim.memberId);
  };
  const victims = await Promise.all(stores.map((store) => victimOn(store, node)));
  await cluster.nodeFault("kill-node", node);
  await cluster.deleteOperator();
  await Promise.all(stores.map((store, i) => replaceAt(store, i, victims[i]!)));
  await cluster.nodeFault("start-node", node);
  await kubectl.run("taint", "node", node, `${outOfService}-`);
  await awaitNode(cluster, node, true);
  // What ran there before finds that its place is taken.
  for (const store of stores) await expectSettled(store, { replicas: 3 });
}

/**
 * Gone for good, and the node's object with it. A volume that can be attached elsewhere brings the same member
 * back; one that went with the node is replaced, and its member with it.
 */
export async function loseNode(
  cluster: KubeCluster,
  stores: readonly TestStore[],
  node: string,
): Promise<void> {
  const victims = await Promise.all(stores.map((store) => victimOn(store, node)));
  const before = await Promise.all(stores.map(memberIds));
  const marks = await Promise.all(stores.map(nowOfWriter));
  const beganMs = performance.now();
  await cluster.nodeFault("lose-node", node);
  await cluster.deleteOperator();
  await Promise.all(
    stores.map(async (store, i) => {
      await awaitWrites(store, marks[i]!);
      const pause = await pauseSince(store, marks[i]!);
      const victim = victims[i]!;
      await store.awaitReplaced(victim.slot, victim.uid);
      await awaitSettled(store, { replicas: 3 });
      const took = seconds(performance.now() - beganMs);
      measured(
        `a node lost (${store.storageClass})`,
        `writes paused for ${pause}, full strength after ${took}`,
      );
      await expectSettled(store, { replicas: 3 });
      const after = await memberIds(store);
      if (store.storageClass === cluster.environment.sharedClass) expect(after).toEqual(before[i]);
      else expect(after).not.toContain(victim.memberId);
      expect((await store.pod(victim.slot))?.spec?.nodeName).not.toBe(node);
    }),
  );
}

/** Of the nodes, one that each of the stores loses one member with. */
export async function nodeUnderAll(stores: readonly TestStore[], nodes: readonly string[]): Promise<string> {
  const pods = await Promise.all(stores.map((store) => store.pods()));
  return nodeOfAll(
    nodes,
    pods.map((ofStore) => ofStore.map(({ spec }) => spec?.nodeName)),
  );
}

async function victimOn(store: TestStore, node: string): Promise<Victim> {
  const [pod, ...others] = (await store.pods()).filter(({ spec }) => spec?.nodeName === node);
  if (pod === undefined) throw new Error(`${store.namespace} has no member on ${node}`);
  if (others.length > 0) throw new Error(`${store.namespace} has more than one member on ${node}`);
  const members = (await store.read()).status?.members;
  const memberId = members?.find(({ name }) => name === nameOf(pod))?.id;
  return { slot: slotOf(nameOf(pod)), uid: pod.metadata?.uid, memberId };
}

export async function awaitNode(cluster: KubeCluster, node: string, ready: boolean): Promise<void> {
  const condition = `condition=Ready=${ready ? "true" : "unknown"}`;
  await cluster.kubectl.run("wait", `--for=${condition}`, `node/${node}`, "--timeout=180s");
}

async function awaitDegraded(store: TestStore): Promise<void> {
  await store.eventually("status says that a member is missing", async () => {
    const { status } = await store.read();
    const of = (type: string) => status?.conditions?.find((condition) => condition.type === type)?.status;
    return of("Degraded") === "True" && of("Available") === "True";
  });
}

async function awaitWrites(store: TestStore, sinceMs: number): Promise<void> {
  await store.eventually("writes go on", async () => {
    const { nowMs } = await store.writer.pulse(sinceMs);
    const { succeeded } = await store.writer.pulse(nowMs - 1_000);
    return nowMs - sinceMs > 3_000 && succeeded > 10;
  });
}

const nowOfWriter = async (store: TestStore): Promise<number> => (await store.writer.pulse()).nowMs;

async function pauseSince(store: TestStore, sinceMs: number): Promise<string> {
  return `${(await store.writer.pulse(sinceMs)).longestPauseMs} ms (${store.storageClass})`;
}
