import { expect } from "vitest";
import { eventually } from "../../cluster/eventually.ts";
import { Site, settleMs } from "../site.ts";
import type { World } from "../world.ts";

/** A store whose volumes can't be made says so where people look first, and comes to life when they can. */
export function saysWhatVolumesWaitFor(world: World): Promise<void> {
  return Site.use(world, "classless", {}, async (site) => {
    await site.startOperator();
    const name = "made-later";
    await site.apply({ replicas: 1, storage: { size: "1Gi", storageClassName: name } });
    await eventually(
      "the condition to name the class",
      async () => {
        const { conditions, summary } = (await site.read()).status ?? {};
        expect(conditions?.find(({ type }) => type === "Available")).toMatchObject({
          status: "False",
          reason: "PodUnschedulable",
          message: expect.stringContaining(`there is no storage class ${name}`),
        });
        return summary === "PodUnschedulable";
      },
      { timeoutMs: settleMs, intervalMs: 200 },
    );
    await world.standIn.addStorageClass(name);
    await site.expectWhole(1);
  });
}
