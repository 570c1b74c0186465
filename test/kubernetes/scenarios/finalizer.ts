import { expect } from "vitest";
import { eventually } from "../../cluster/eventually.ts";
import { Site, settleMs } from "../site.ts";
import type { World } from "../world.ts";

const finalizer = "rstore.dev/delete-claims";

/** The finalizer is there only while a deletion would have claims to delete; taken off by hand it keeps them (E24). */
export function holdsUpOnlyWhatIsNeeded(world: World): Promise<void> {
  return Site.use(world, "finalizer", {}, async (site) => {
    const operator = await site.startOperator();
    const apply = (whenDeleted: "Retain" | "Delete") =>
      site.apply({ replicas: 1, storage: { size: "1Gi", storageClassName: "standard", whenDeleted } });
    const becomes = (finalizers: readonly string[] | undefined) =>
      eventually(
        `the finalizers to be ${finalizers}`,
        async () => {
          expect((await site.read()).metadata.finalizers).toEqual(finalizers);
          return true;
        },
        { timeoutMs: settleMs, intervalMs: 100 },
      );
    await apply("Retain");
    await site.settled(1);
    expect((await site.read()).metadata.finalizers).toBeUndefined();
    await apply("Delete");
    await becomes([finalizer]);
    await apply("Retain");
    await becomes(undefined);
    await apply("Delete");
    await becomes([finalizer]);
    await site.settled(1);

    await operator.kill();
    const { kubectl } = world;
    const target = ["rstore", site.store, "-n", site.namespace];
    await kubectl.run("delete", ...target, "--wait=false");
    expect((await site.read()).metadata.deletionTimestamp).toBeDefined();
    await kubectl.run("patch", ...target, "--type=merge", "-p", '{"metadata":{"finalizers":null}}');
    await site.startOperator("next");
    await eventually("the pods to end", async () => (await site.pods()).length === 0, {
      timeoutMs: settleMs,
      intervalMs: 200,
    });
    expect((await site.claims()).length).toBe(1);
  });
}
