import { expect } from "vitest";
import { eventually } from "../../cluster/eventually.ts";
import { clusterAt } from "../../cluster/services.ts";
import { type Fate, type Interference, type ProxiedAnswer, type ProxiedCall, refusal } from "../api-proxy.ts";
import { Site, settleMs } from "../site.ts";
import type { World } from "../world.ts";
import { loseVolume } from "./crashes.ts";

interface Seen extends ProxiedAnswer {
  readonly atMs: number;
}

/** Answers reads with what was true some time ago, as an API server that lags behind does. */
class Past {
  readonly #seen = new Map<string, Seen[]>();
  /** How far behind the answers are; 0: not at all. */
  lagMs = 0;

  recall({ method, path, isWatch }: ProxiedCall): Fate {
    if (this.lagMs === 0 || method !== "GET" || isWatch) return "pass";
    const sinceMs = performance.now() - this.lagMs;
    return this.#seen.get(path)?.findLast(({ atMs }) => atMs <= sinceMs) ?? "pass";
  }

  remember({ method, path, isWatch }: ProxiedCall, { status, body }: ProxiedAnswer): void {
    // What was not there is remembered too.
    if (method !== "GET" || isWatch || (status !== 200 && status !== 404)) return;
    const seen = this.#seen.get(path) ?? [];
    seen.push({ status, body, atMs: performance.now() });
    this.#seen.set(path, seen);
  }
}

/** Claims whose deletion would take a member's disk away: each is a violation (E1). */
class ClaimGuard {
  readonly violations: string[] = [];
  readonly #site: Site;

  constructor(site: Site) {
    this.#site = site;
  }

  async look({ method, path, body }: ProxiedCall): Promise<void> {
    const name = /\/persistentvolumeclaims\/(data-[^/?]+)/.exec(path)?.[1];
    if (method !== "DELETE" || name === undefined) return;
    const claim = (await this.#site.claims()).find(({ metadata }) => metadata?.name === name);
    const { preconditions } = JSON.parse(body) as { preconditions?: { uid?: string } };
    if (preconditions?.uid === undefined) this.violations.push(`${name}, whichever it is`);
    // Of another one than there is: the API server refuses it.
    if (claim === undefined || preconditions?.uid !== claim.metadata?.uid) return;
    const members = await this.#members();
    if (members.includes(name.replace("data-", ""))) this.violations.push(`${name} of ${members.join(", ")}`);
  }

  async #members(): Promise<readonly string[]> {
    for (const pod of await this.#site.pods()) {
      const url = `http://${pod.status?.podIP}:4001`;
      const list = await clusterAt(url)
        .listMembers({})
        .catch(() => undefined);
      if (list !== undefined) return list.members.map(({ name }) => name);
    }
    return [];
  }
}

/** Operators that are killed and see the past when they start anew, with late watches (E1, E2). */
export function seesThePast(world: World): Promise<void> {
  return Site.use(world, "past", {}, async (site) => {
    const past = new Past();
    const guard = new ClaimGuard(site);
    const lagsMs = [1500, 4000, 9000];
    let isOver = false;
    const interference: Interference = {
      before: async (call) => {
        await guard.look(call);
        return past.recall(call);
      },
      after: (call, answer) => {
        past.remember(call, answer);
        return "pass";
      },
      watchDelayMs: () => (isOver ? 0 : 300),
    };
    const restarts = (async () => {
      for (let round = 0; !isOver; round += 1) {
        const way = await site.addWay();
        way.audit.interference = interference;
        const operator = await site.runOperator(way);
        past.lagMs = round === 0 ? 0 : lagsMs[round % lagsMs.length]!;
        await new Promise((resolve) => setTimeout(resolve, 2500));
        past.lagMs = 0;
        await new Promise((resolve) => setTimeout(resolve, 3500));
        if (!isOver) await operator.cut();
      }
    })();
    // Claims are deleted and made anew all the time.
    const storage = { size: "1Gi", storageClassName: "standard", whenScaled: "Delete" } as const;
    await site.apply({ replicas: 3, storage });
    await site.settled(3);
    await site.write("a");
    for (const replicas of [4, 3, 5, 3]) {
      await site.scale(replicas);
      await site.settled(replicas);
      await site.write(`at-${replicas}`);
    }
    await loseVolume(site, 0);
    isOver = true;
    await restarts;
    await site.expectWhole(3);
    expect(guard.violations).toEqual([]);
  });
}

/** Draws what becomes of each call; the same for the same seed. */
function createFaults(seed: number): () => Fate {
  let state = seed;
  const draw = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const fates: readonly Fate[] = [
    refusal(409, "Conflict"),
    refusal(429, "TooManyRequests"),
    refusal(500, "InternalError"),
    { status: 503, body: "no endpoints" },
    "lose-answer",
    "lose-call",
  ];
  return () => (draw() < 0.04 ? fates[Math.floor(draw() * fates.length)]! : "pass");
}

/** Calls that are refused, lost, or answered into the void (E1, E3). */
export function getsThroughFaults(world: World): Promise<void> {
  return Site.use(world, "faults", {}, async (site) => {
    const draw = createFaults(42);
    const guard = new ClaimGuard(site);
    let hangs = 2;
    let isOver = false;
    let faults = 0;
    site.audit.interference = {
      before: async (call) => {
        await guard.look(call);
        if (isOver || call.isWatch) return "pass";
        // A call that is never answered costs the operator ten seconds.
        if (call.isWrite && hangs > 0 && site.audit.writes.length > 10 * (3 - hangs)) {
          hangs -= 1;
          return "hang";
        }
        const fate = draw();
        if (fate !== "pass") faults += 1;
        return fate;
      },
    };
    await site.startOperator();
    await site.apply({
      replicas: 3,
      storage: { size: "1Gi", storageClassName: "standard", whenScaled: "Delete" },
    });
    await site.settled(3);
    await site.write("a");
    await site.scale(5);
    await site.settled(5);
    await site.write("b");
    await site.scale(3);
    await site.settled(3);
    await loseVolume(site, 2);
    isOver = true;
    await site.expectWhole(3);
    expect(guard.violations).toEqual([]);
    expect(hangs).toBe(0);
    expect(faults).toBeGreaterThan(20);
    await eventually(
      "claims of members that left to be gone",
      async () => (await site.claims()).length === 3,
      {
        timeoutMs: settleMs,
      },
    );
  });
}
