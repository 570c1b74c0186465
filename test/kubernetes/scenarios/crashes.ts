import { expect } from "vitest";
import { eventually } from "../../cluster/eventually.ts";
import type { ProxiedCall } from "../api-proxy.ts";
import { Site, settleMs } from "../site.ts";
import type { World } from "../world.ts";

/**
 * `after`: each operator is killed when its first change has been made, before it hears of it.
 * `before`: each one hears of its first change, goes on, and is killed before its second one is made.
 */
export type Moment = "after" | "before";

/** Kills each operator at its first change or before its second, and starts the next one at once. */
class Killer {
  kills = 0;
  readonly #site: Site;
  readonly #moment: Moment;
  #isOver = false;
  #next: Promise<void> = Promise.resolve();

  constructor(site: Site, moment: Moment) {
    this.#site = site;
    this.#moment = moment;
  }

  async start(): Promise<void> {
    const way = await this.#site.addWay();
    const versions = new Map<ProxiedCall, string | undefined>();
    let hasChanged = false;
    let isDead = false;
    const kill = (): "hang" => {
      if (isDead) return "hang";
      isDead = true;
      this.kills += 1;
      void operator.cut();
      this.#next = this.start();
      return "hang";
    };
    way.audit.interference = {
      before: async (call) => {
        if (isDead) return "hang";
        if (this.#isOver || !call.isWrite) return "pass";
        if (this.#moment === "before" && hasChanged) return kill();
        versions.set(call, await this.#versionAt(call));
        return "pass";
      },
      after: (call, { status, body }) => {
        if (isDead) return "hang";
        const isChange = call.isWrite && status < 300 && versionOf(body) !== versions.get(call);
        if (this.#isOver || !isChange) return "pass";
        if (this.#moment === "after") return kill();
        hasChanged = true;
        return "pass";
      },
    };
    const operator = await this.#site.runOperator(way);
  }

  /** Lets the last one live. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#next;
  }

  /** Of the object that a call is about, as it is now. */
  async #versionAt({ method, path }: ProxiedCall): Promise<string | undefined> {
    if (method === "POST") return undefined;
    try {
      const object = await this.#site.world.admin.call<object>("GET", path.replace(/\?.*/, ""));
      return versionOf(JSON.stringify(object));
    } catch {
      return undefined;
    }
  }
}

function versionOf(body: string): string | undefined {
  return (JSON.parse(body) as { metadata?: { resourceVersion?: string } }).metadata?.resourceVersion ?? body;
}

/** A store's whole life, with operators that live for one change each (E3). */
export function survivesItsOperators(world: World, moment: Moment): Promise<void> {
  return Site.use(world, `killed-${moment}`, {}, (site) => survive(site, moment));
}

async function survive(site: Site, moment: Moment): Promise<void> {
  const killer = new Killer(site, moment);
  const counts: Record<string, number> = {};
  const phase = async (name: string, wait: () => Promise<unknown>) => {
    const before = killer.kills;
    await wait();
    counts[name] = killer.kills - before;
  };
  await killer.start();
  const storage = { size: "1Gi", storageClassName: "standard", whenDeleted: "Delete" } as const;
  await site.apply({ replicas: 3, storage });
  await phase("create", () => site.settled(3));
  await site.write("a");
  await site.scale(5);
  await phase("3 to 5", () => site.expectWhole(5));
  await site.write("b");
  await site.scale(3);
  await phase("5 to 3", () => site.expectWhole(3));
  await site.write("c");
  await phase("replace", async () => {
    await loseVolume(site, 1);
    await site.expectWhole(3);
  });
  await site.world.kubectl.run("delete", "rstore", site.store, "-n", site.namespace, "--wait=false");
  await phase("delete", () => nothingIsLeft(site));
  await killer.end();
  console.log(`operators killed ${moment} a change: ${JSON.stringify(counts)}`);
  for (const [name, kills] of Object.entries(counts)) expect(kills, name).toBeGreaterThan(0);
}

/** Deletes claim and pod of a slot, and waits until its member is another one. */
export async function loseVolume(site: Site, slot: number): Promise<void> {
  const member = (await site.read()).status?.members?.find((candidate) => candidate.slot === slot);
  const { kubectl } = site.world;
  const name = `${site.store}-${slot}`;
  await kubectl.run("delete", "pvc", `data-${name}`, "-n", site.namespace, "--wait=false");
  await kubectl.run("delete", "pod", name, "-n", site.namespace, "--wait=false");
  await eventually(
    "the lost member to be another one",
    async () => {
      const { status } = await site.read();
      const now = status?.members?.find(
        (candidate) => candidate.slot === slot && candidate.role !== "Learner",
      );
      return now !== undefined && now.id !== member?.id;
    },
    { timeoutMs: settleMs, intervalMs: 200 },
  );
}

async function nothingIsLeft(site: Site): Promise<void> {
  const { admin } = site.world;
  await eventually(
    "the store and everything of it to be gone",
    async () => {
      const place = { namespace: site.namespace, name: site.store };
      const stores = await admin.read("replicatedstores", place);
      const sets = await admin.list("statefulsets", site.namespace);
      const budgets = await admin.list("poddisruptionbudgets", site.namespace);
      const services = await admin.list("services", site.namespace);
      const left = [...(await site.pods()), ...(await site.claims()), ...sets, ...budgets, ...services];
      if (stores === undefined && left.length === 0) return true;
      throw new Error(left.map(({ metadata }) => metadata?.name).join(", "));
    },
    { timeoutMs: settleMs, intervalMs: 200 },
  );
}
