import { expect } from "vitest";
import { eventually } from "../../cluster/eventually.ts";
import { Site, settleMs } from "../site.ts";
import { uidOf } from "../stand-in/objects.ts";
import type { World } from "../world.ts";

/** A new template reaches each pod once, by an eviction that the budget allows; members and volumes stay (E8). */
export function rollsTemplateThrough(world: World): Promise<void> {
  return Site.use(world, "rolled", {}, async (site) => {
    await site.startOperator();
    await site.apply({ replicas: 3 });
    const before = await site.settled(3);
    await site.write("before");
    const pods = (await site.pods()).map(uidOf);
    const claims = (await site.claims()).map(uidOf);
    const start = site.audit.writes.length;

    await site.apply({ replicas: 3, resources: { requests: { memory: "96Mi" } } });
    await eventually(
      "each pod to be another one",
      async () => !(await site.pods()).some((pod) => pods.includes(uidOf(pod))),
      { timeoutMs: settleMs, intervalMs: 200 },
    );
    const after = await site.expectWhole(3);

    const ended = site.audit.writes
      .slice(start)
      .filter(
        ({ method, path }) => (method === "DELETE" && path.includes("/pods/")) || path.includes("/eviction"),
      )
      .map(({ method, path }) => `${method} ${path.split("?")[0]?.split("/pods/")[1]}`);
    expect(ended.sort()).toEqual([0, 1, 2].map((slot) => `POST ${site.store}-${slot}/eviction`));
    expect((await site.claims()).map(uidOf)).toEqual(claims);
    const idsOf = ({ members = [] }: typeof after) =>
      members.map(({ id, slot }) => `${id} in ${slot}`).sort();
    expect(idsOf(after)).toEqual(idsOf(before));
  });
}
