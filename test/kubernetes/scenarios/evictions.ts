import type { V1Pod } from "@rstore/operator/kube/objects";
import { MemberKind } from "@rstore/proto/rstore/v1/cluster";
import { expect } from "vitest";
import { clusterAt } from "../../cluster/services.ts";
import { AdminApiError } from "../admin-api.ts";
import { Site } from "../site.ts";
import { isDeleting, isReady } from "../stand-in/objects.ts";
import type { World } from "../world.ts";

/** Asks for the eviction of every pod in turn, all the time, as the drains of all nodes at once would. */
class Evictor {
  readonly #site: Site;
  /** Slots, in order. */
  readonly evicted: number[] = [];
  /** Evictions that left a half without its majority. */
  readonly violations: string[] = [];
  refused = 0;
  #outgoing = 0;
  #stopped = false;
  #work: Promise<void> = Promise.resolve();

  constructor(site: Site) {
    this.#site = site;
  }

  /** While the configuration is joint, its outgoing half has the slots below `outgoing`. */
  start(outgoing: number): void {
    this.#outgoing = outgoing;
    this.#stopped = false;
    this.#work = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#work;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      for (const pod of await this.#site.pods()) if (!this.#stopped) await this.#evict(pod);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async #evict(pod: V1Pod): Promise<void> {
    if (isDeleting(pod) || !isReady(pod)) return;
    const { name = "", namespace = "" } = pod.metadata ?? {};
    const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace } };
    try {
      await this.#site.world.admin.create("pods", eviction, "eviction");
    } catch (error) {
      if (!(error instanceof AdminApiError)) throw error;
      this.refused += 1;
      return;
    }
    this.evicted.push(Number(name.split("-").at(-1)));
    await this.#look(name);
  }

  /** Of each half of the configuration more must stay than go, as the pods are now. */
  async #look(victim: string): Promise<void> {
    const pods = await this.#site.pods();
    const staying = new Set(pods.filter((pod) => !isDeleting(pod)).map(({ metadata }) => metadata?.name));
    for (const pod of pods) {
      const list = await clusterAt(`http://${pod.status?.podIP}:4001`)
        .listMembers({})
        .catch(() => undefined);
      if (list === undefined) continue;
      const incoming = list.members.filter(({ kind }) => kind === MemberKind.VOTER).map(({ name }) => name);
      const outgoing = Array.from(
        { length: list.joint ? this.#outgoing : 0 },
        (_, slot) => `${this.#site.store}-${slot}`,
      );
      for (const half of [incoming, outgoing]) {
        const left = half.filter((name) => staying.has(name)).length;
        if (half.length > 0 && left <= half.length / 2)
          this.violations.push(`${victim}: ${left} of ${half.join(", ")} left`);
      }
      return;
    }
  }
}

/** Evictions at each step of growing and shrinking: what the budget allows never costs the majority (E18, E19). */
export function allowsNoEvictionTooMany(world: World): Promise<void> {
  return Site.use(world, "evicted", {}, async (site) => {
    await site.startOperator();
    await site.apply({ replicas: 3 });
    await site.settled(3);
    await site.write("before");
    const evictor = new Evictor(site);
    for (const [from, replicas] of [
      [3, 5],
      [5, 3],
    ] as const) {
      evictor.start(from);
      await site.scale(replicas);
      await site.membersAre(replicas);
      await site.write(`at-${replicas}`);
      await evictor.stop();
      await site.settled(replicas);
    }
    await site.expectWhole(3);
    console.log(`evictions: slots ${evictor.evicted.join(", ")}; ${evictor.refused} refused`);
    expect(evictor.violations).toEqual([]);
    expect(evictor.evicted.length).toBeGreaterThan(0);
    expect(evictor.refused).toBeGreaterThan(0);
  });
}
