import type { KubernetesObject } from "@rstore/operator/kube/objects";
import { expect } from "vitest";
import { eventually } from "../../cluster/eventually.ts";
import { membershipAt } from "../../cluster/services.ts";
import { type Fate, isOfStatus } from "../api-proxy.ts";
import type { OperatorProcess } from "../operator-process.ts";
import { Site, settleMs } from "../site.ts";
import { localClass, reservedLabel } from "../stand-in/volumes.ts";
import type { World } from "../world.ts";

const afterSeconds = 5;

/** A store on four nodes of its own, with volumes that stay where they are; slot 1 is on the node that it returns. */
async function spread(site: Site): Promise<{ readonly node: string; readonly operator: OperatorProcess }> {
  const { namespace, world } = site;
  for (const letter of ["a", "b", "c", "d"])
    await world.standIn.addNode(`${namespace}-${letter}`, { [reservedLabel]: namespace });
  const operator = await site.startOperator();
  await site.apply({
    storage: { size: "1Gi", storageClassName: localClass },
    scheduling: { nodeSelector: { [reservedLabel]: namespace } },
    replacement: { afterSeconds },
  });
  await site.settled(3);
  await site.write("before");
  return { node: (await site.pods())[1]?.spec?.nodeName ?? "", operator };
}

export function replacesLostNode(world: World): Promise<void> {
  return Site.use(world, "lost-node", {}, async (site) => {
    const { node } = await spread(site);
    const memberThere = async () => {
      const { members = [] } = (await site.read()).status ?? {};
      return members.find(({ slot, role }) => slot === 1 && role !== "Learner")?.id;
    };
    const before = await memberThere();
    await world.standIn.setNode(node, "Unknown");
    await eventually(
      "the member of the lost node to be another one",
      async () => {
        const now = await memberThere();
        return now !== undefined && now !== before;
      },
      { timeoutMs: settleMs, intervalMs: 200 },
    );
    await site.expectWhole(3);
    expect((await site.pods()).map(({ spec }) => spec?.nodeName)).not.toContain(node);
  });
}

/** The node comes back when the deletion of the claim is noted, and before it is asked for: the claim stays (E1). */
export function leavesAloneWhoCameBack(world: World): Promise<void> {
  return Site.use(world, "came-back", {}, async (site) => {
    const { node, operator } = await spread(site);
    const [, pod] = await site.pods();
    const claims = uidsOf(await site.claims());
    let cameBack = 0;
    site.audit.interference = {
      before: async ({ method, path, body }): Promise<Fate> => {
        const isLatch = method === "PUT" && isOfStatus(path) && body.includes('"kind":"DeleteClaim"');
        if (!isLatch || cameBack > 0) return "pass";
        cameBack += 1;
        await world.standIn.setNode(node, "True");
        const peer = membershipAt(`http://${pod?.status?.podIP}:4101`);
        await eventually("the replica to answer again", () => peer.getIdentity({}), { timeoutMs: 8000 });
        return "pass";
      },
    };
    await world.standIn.setNode(node, "Unknown");
    await eventually(
      "the deletion to be refused",
      () => operator.lines.some(({ msgId, why }) => msgId === "step.refused" && /asked again/.test(`${why}`)),
      { timeoutMs: settleMs },
    );
    expect(cameBack).toBe(1);
    // The note stays for two minutes: such a call may still be on its way.
    await site.write("after");
    expect((await site.pods()).map(({ spec }) => spec?.nodeName)).toContain(node);
    expect(uidsOf(await site.claims())).toEqual(claims);
    const deleted = site.audit.writes.filter(
      ({ method, path }) => method === "DELETE" && path.includes("/persistentvolumeclaims/"),
    );
    expect(deleted).toEqual([]);
  });
}

function uidsOf(objects: readonly KubernetesObject[]): readonly (string | undefined)[] {
  return objects.map(({ metadata }) => metadata?.uid);
}

/** Without the right to look at nodes nothing is replaced, and a condition says so. */
export function saysThatItMayNotReadNodes(world: World): Promise<void> {
  const values = { rbac: { readNodes: false } };
  return Site.use(world, "no-nodes", { values }, async (site) => {
    site.audit.mayBeForbidden = /\/(nodes|persistentvolumes|storageclasses)\//;
    const { node } = await spread(site);
    const claims = uidsOf(await site.claims());
    await world.standIn.setNode(node, "Unknown");
    const sinceMs = performance.now();
    await eventually(
      "the condition to say so, past the deadline",
      async () => {
        const degraded = (await site.read()).status?.conditions?.find(({ type }) => type === "Degraded");
        expect(degraded).toMatchObject({ status: "True", reason: "NodesUnreadable" });
        return performance.now() - sinceMs > (afterSeconds + 5) * 1000;
      },
      { timeoutMs: settleMs, intervalMs: 200 },
    );
    expect(uidsOf(await site.claims())).toEqual(claims);
    await world.standIn.setNode(node, "True");
    await site.expectWhole(3);
  });
}
