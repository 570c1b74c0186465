import type { ReplicatedStoreStatus } from "@rstore/operator/api/v1alpha1/types";
import { Reconciler } from "@rstore/operator/controller/reconcile";
import { EventRecorder } from "@rstore/operator/kube/event-recorder";
import { createKubeClient } from "@rstore/operator/kube/kube-client";
import { kubeConfigFromFile } from "@rstore/operator/kube/kube-config";
import { createLogger } from "@rstore/operator/log";
import { expect } from "vitest";
import { eventually } from "../../cluster/eventually.ts";
import { isOfStatus } from "../api-proxy.ts";
import { Site, settleMs } from "../site.ts";
import type { World } from "../world.ts";

/** Status says what is known, says when nothing is, and says when it was last looked at (E14). */
export function saysWhatItKnows(world: World): Promise<void> {
  return Site.use(world, "status", {}, async (site) => {
    const operator = await site.startOperator();
    await site.apply({ replicas: 3 });
    await site.settled(3);
    await site.write("before");
    await turnsUnknown(site);
    await site.expectWhole(3);
    await operator.kill();
    await keepsTime(site);
  });
}

/** The pods are ready, but nobody answers where they are said to be. */
async function turnsUnknown(site: Site): Promise<void> {
  const { admin } = site.world;
  const pods = await site.pods();
  const setAddress = async (of: (real: string) => string) => {
    for (const { metadata, status } of pods) {
      const place = { namespace: site.namespace, name: metadata?.name ?? "", subresource: "status" };
      const podIP = of(status?.podIP ?? "");
      await admin.patch("pods", place, { status: { podIP, podIPs: [{ ip: podIP }] } });
    }
  };
  await setAddress(() => "127.0.0.2");
  await eventually(
    "every condition to be Unknown",
    async () => {
      const { status } = await site.read();
      const conditions = status?.conditions?.map(({ type, status: value, reason }) => [type, value, reason]);
      expect(conditions).toEqual([
        ["Available", "Unknown", "NotObserved"],
        ["Progressing", "Unknown", "NotObserved"],
        ["Degraded", "Unknown", "NotObserved"],
      ]);
      expect(status?.leader).toBeUndefined();
      return status?.members?.every(({ health }) => health === "Unreachable");
    },
    { timeoutMs: settleMs, intervalMs: 200 },
  );
  await setAddress((real) => real);
}

/** When nothing changes, lastObservedTime moves at most once a minute, and at least every five. */
async function keepsTime(site: Site): Promise<void> {
  let nowMs = Date.now() + 60_000;
  const way = await site.addWay();
  const reconciler = reconcilerOf(site, way.kubeconfig, () => nowMs);
  const look = async (): Promise<readonly [ReplicatedStoreStatus, number]> => {
    const againMs = await reconciler.reconcile(site.namespace, site.store);
    return [(await site.read()).status ?? {}, againMs ?? 0];
  };
  const [first] = await look();
  way.audit.writes.splice(0);
  const times = [first.lastObservedTime];
  for (let i = 0; i < 24; i += 1) {
    nowMs += 10_000;
    const [{ lastObservedTime }] = await look();
    if (lastObservedTime !== times.at(-1)) times.push(lastObservedTime);
  }
  expect(gapsSeconds(times)).toEqual([60, 60, 60, 60]);
  const statusWrites = way.audit.writes.filter(({ path }) => isOfStatus(path));
  expect(statusWrites.length).toBe(4);
  // At its own pace.
  const paced: (string | undefined)[] = [];
  for (let i = 0; i < 6; i += 1) {
    const [{ lastObservedTime }, againMs] = await look();
    paced.push(lastObservedTime);
    nowMs += againMs;
  }
  for (const gap of gapsSeconds(paced)) expect(gap).toBeLessThanOrEqual(300);
  expect(new Set(paced).size).toBeGreaterThan(1);
}

function gapsSeconds(times: readonly (string | undefined)[]): readonly number[] {
  const seconds = times.map((time) => Date.parse(time ?? "") / 1000);
  return seconds.slice(1).map((time, i) => Math.round(time - seconds[i]!));
}

function reconcilerOf(site: Site, kubeconfig: string, nowMs: () => number): Reconciler {
  const plurals = { ReplicatedStore: "replicatedstores" };
  const client = createKubeClient(kubeConfigFromFile(kubeconfig), {
    fieldManager: "rstore-operator",
    plurals,
  });
  const clock = { nowMs, after: () => () => {} };
  return new Reconciler({
    client,
    events: new EventRecorder({
      client,
      clock,
      controller: "rstore.dev/operator",
      instance: "test",
      failed: () => {},
    }),
    log: createLogger("debug", site.world.logFile(`${site.namespace}-reconciler`)),
    images: { repository: "rstore-replica", defaultVersion: "0.1.0" },
    operator: {
      namespace: site.namespace,
      podLabels: {
        "app.kubernetes.io/name": "rstore-operator",
        "app.kubernetes.io/instance": site.release.name,
      },
    },
    nowMs,
    mayAct: () => true,
    stepTaken: () => {},
    looked: () => {},
    gone: () => {},
  });
}
