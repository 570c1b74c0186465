import { expect } from "vitest";
import { eventually } from "../../cluster/eventually.ts";
import { isOfStatus } from "../api-proxy.ts";
import { Site, settleMs } from "../site.ts";
import type { World } from "../world.ts";

/**
 * Two operators, one acts. The leader is frozen in the middle of a change of members: its latch is written, and
 * the answer waits for it. The other one takes over; thawed, the old one does nothing more and ends (E17).
 */
export function handsOverFromTheFrozen(world: World): Promise<void> {
  return Site.use(world, "elected", { leaderElection: true }, async (site) => {
    const [one, two] = [await site.addWay(), await site.addWay()];
    const frozen = await site.startOperator("one", one);
    await frozen.leads();
    await site.startOperator("two", two);
    await site.apply({ replicas: 1 });
    await site.settled(1);
    await site.write("before");
    expect(two.audit.writes).toEqual([]);

    let isFrozen = false;
    one.audit.interference = {
      after: ({ path, body }) => {
        if (isFrozen || !isOfStatus(path) || !body.includes('"kind":"ChangeMembership"')) return "pass";
        isFrozen = true;
        frozen.signal("SIGSTOP");
        return "pass";
      },
    };
    await site.scale(2);
    await eventually("the leader to be frozen at its latch", () => isFrozen, { timeoutMs: settleMs });
    const done = one.audit.writes.length;
    await site.settled(2);
    expect(two.audit.writes.length).toBeGreaterThan(0);
    frozen.signal("SIGCONT");
    expect(await frozen.exit).toBe(1);
    expect(one.audit.writes.slice(done).map(({ method, path }) => `${method} ${path}`)).toEqual([]);
    await site.expectWhole(2);
  });
}
