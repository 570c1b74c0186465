import { expect } from "vitest";
import { eventually } from "../../cluster/eventually.ts";
import { Site, settleMs } from "../site.ts";
import { localClass, reservedLabel } from "../stand-in/volumes.ts";
import type { World } from "../world.ts";

const afterSeconds = 5;

/** A store on four nodes of its own, with volumes that stay where they are; slot 1 is on the node that it returns. */
async function spread(site: Site): Promise<string> {
  const { namespace, world } = site;
  for (const letter of ["a", "b", "c", "d"])
    await world.standIn.addNode(`${namespace}-${letter}`, { [reservedLabel]: namespace });
  await site.startOperator();
  await site.apply({
    storage: { size: "1Gi", storageClassName: localClass },
    scheduling: { nodeSelector: { [reservedLabel]: namespace } },
    replacement: { afterSeconds },
  });
  await site.settled(3);
  await site.write("before");
  return (await site.pods())[1]?.spec?.nodeName ?? "";
}

export function replacesLostNode(world: World): Promise<void> {
  return Site.use(world, "lost-node", {}, async (site) => {
    const node = await spread(site);
    await world.standIn.setNode(node, "Unknown");
    const before = (await site.read()).status?.members?.[1]?.id;
    await eventually(
      "the member of the lost node to be another one",
      async () =>
        (await site.read()).status?.members?.every(({ id, role }) => id !== before && role !== "Learner"),
      { timeoutMs: settleMs, intervalMs: 200 },
    );
    await site.expectWhole(3);
    expect((await site.pods()).map(({ spec }) => spec?.nodeName)).not.toContain(node);
  });
}

/** Without the right to look at nodes nothing is replaced, and a condition says so. */
export function saysThatItMayNotReadNodes(world: World): Promise<void> {
  const values = { rbac: { readNodes: false } };
  return Site.use(world, "no-nodes", { values }, async (site) => {
    site.audit.mayBeForbidden = /\/(nodes|persistentvolumes)\//;
    const node = await spread(site);
    const claims = await site.claims();
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
    const uids = (all: typeof claims) => all.map(({ metadata }) => metadata?.uid);
    expect(uids(await site.claims())).toEqual(uids(claims));
    await world.standIn.setNode(node, "True");
    await site.expectWhole(3);
  });
}
