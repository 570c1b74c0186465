import { setTimeout as timer } from "node:timers/promises";
import type { Cluster } from "../cluster/cluster.ts";
import type { ReplicaProcess } from "../cluster/replica-process.ts";
import { describeStep, type Fault, type Step, type Victims } from "./plan.ts";

/** Carries a plan of faults out on a cluster with links that can be cut. */
export class Nemesis {
  readonly #cluster: Cluster;
  readonly #log: (line: string) => void;

  constructor(cluster: Cluster, log: (line: string) => void) {
    this.#cluster = cluster;
    this.#log = log;
  }

  /** Leaves every replica running and every link whole, also when a step fails. */
  async run(steps: readonly Step[]): Promise<void> {
    try {
      for (const step of steps) {
        this.#log(describeStep(step));
        await this.#inflict(step.fault, step.holdMs);
        await timer(step.calmMs);
      }
    } finally {
      await this.recover();
    }
  }

  async recover(): Promise<void> {
    this.#cluster.links?.heal();
    for (const replica of this.#cluster.running) replica.resume();
    const dead = this.#cluster.replicas.filter(({ isRunning }) => !isRunning);
    await Promise.all(dead.map((replica) => replica.start()));
  }

  async #inflict(fault: Fault, holdMs: number): Promise<void> {
    const { links } = this.#cluster;
    switch (fault.type) {
      case "kill":
        return this.#whileDown(await this.#choose(fault.victims), "kill", holdMs);
      case "kill-again": {
        const victims = await this.#choose(fault.victims);
        await Promise.all(victims.map((victim) => victim.kill()));
        for (const victim of victims) victim.spawn();
        await timer(holdMs / 4);
        return this.#whileDown(victims, "kill", holdMs / 4);
      }
      case "kill-all":
        return this.#whileDown(this.#cluster.running, "kill", Math.min(holdMs, 500));
      case "restart":
        return this.#whileDown((await this.#choose(fault.victims)).slice(0, 1), "stop", 0);
      case "pause": {
        const victims = await this.#choose(fault.victims);
        for (const victim of victims) victim.pause();
        await timer(holdMs);
        for (const victim of victims) victim.resume();
        return;
      }
      case "reset-connections":
        links?.reset();
        return;
      case "transfer":
        await this.#cluster.transferLeadership().catch(() => {});
        return;
      case "swizzle":
        return this.#swizzle(fault.order, holdMs);
      default:
        await this.#cut(fault);
        await timer(holdMs);
        links?.heal();
    }
  }

  async #whileDown(victims: readonly ReplicaProcess[], end: "kill" | "stop", holdMs: number): Promise<void> {
    await Promise.all(victims.map((victim) => victim[end]()));
    await timer(holdMs);
    await Promise.all(victims.map((victim) => victim.start()));
  }

  async #cut(fault: Extract<Fault, { type: "partition" | "one-way" | "bridge" }>): Promise<void> {
    const links = this.#cluster.links;
    if (links === undefined) return;
    const chosen = await this.#choose(fault.victims);
    const victims = chosen.map(({ name }) => name);
    const others = this.#cluster.replicas.map(({ name }) => name).filter((name) => !victims.includes(name));
    if (fault.type === "partition") links.partition(victims, others);
    else if (fault.type === "bridge") links.partition(victims, others.slice(1));
    else {
      for (const victim of victims) {
        for (const other of others) {
          if (fault.direction === "out") links.cut(victim, other);
          else links.cut(other, victim);
        }
      }
    }
  }

  async #swizzle(order: readonly number[], holdMs: number): Promise<void> {
    const names = this.#cluster.replicas.map(({ name }) => name);
    const pairs = names.flatMap((from) => names.filter((to) => to !== from).map((to) => ({ from, to })));
    const cut = order.map((choice) => pairs[Math.floor(choice * pairs.length)]!);
    const pauseMs = holdMs / (2 * cut.length);
    for (const { from, to } of cut) {
      this.#cluster.links?.cut(from, to);
      await timer(pauseMs);
    }
    for (const { from, to } of [...cut].sort((a, b) => (a.to < b.to ? -1 : 1))) {
      this.#cluster.links?.healLink(from, to);
      await timer(pauseMs);
    }
    this.#cluster.links?.heal();
  }

  async #choose({ leader, count, choice }: Victims): Promise<ReplicaProcess[]> {
    const { replicas } = this.#cluster;
    const first = Math.floor(choice * replicas.length);
    const turned = [...replicas.slice(first), ...replicas.slice(0, first)];
    const leading = leader ? await this.#cluster.findLeader() : undefined;
    const all =
      leading === undefined ? turned : [leading, ...turned.filter((replica) => replica !== leading)];
    return all.filter(({ isRunning }) => isRunning).slice(0, count);
  }
}
