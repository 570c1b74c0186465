import { Site } from "../site.ts";
import type { World } from "../world.ts";

/** `spec.replicas`, and how long it stays so. The same each time. */
const edits: readonly (readonly [replicas: number, ms: number])[] = [
  [5, 300],
  [3, 2500],
  [4, 900],
  [1, 1600],
  [5, 3500],
  [2, 200],
  [5, 5000],
  [3, 700],
  [4, 0],
];

/** Spec is edited again before the last edit was carried out: it ends at the last one, and nothing is lost (E4). */
export function followsEditsUnderWay(world: World): Promise<void> {
  return Site.use(world, "edited", {}, async (site) => {
    await site.startOperator();
    await site.apply({ replicas: 3 });
    await site.settled(3);
    await site.write("before");
    for (const [replicas, ms] of edits) {
      await site.scale(replicas);
      await site.write(`at-${replicas}-${ms}`);
      await new Promise((resolve) => setTimeout(resolve, ms));
    }
    await site.expectWhole(4);
  });
}
