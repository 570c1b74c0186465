import type { ReplicatedStoreStatus } from "../../api/v1alpha1/types.ts";
import { statusFrom } from "../../status/status.ts";
import type { Configuration, PlanInput, Report, Slot } from "../observation.ts";
import { plan } from "../plan.ts";
import type { Step } from "../step.ts";
import { type Effect, ModelActions } from "./model-actions.ts";
import type { ModelWorld } from "./model-world.ts";

/** What an informer had at some tick; its lists may be old when they are read. */
interface Snapshot {
  readonly tick: number;
  readonly slots: readonly Omit<Slot, "report">[];
  readonly spec: ModelWorld["spec"];
  readonly generation: number;
  readonly wantedHash: string;
  readonly template: string | undefined;
  readonly budget: ModelWorld["budget"];
  readonly keptVersion: number;
  readonly status: ReplicatedStoreStatus;
  readonly statusVersion: number;
}

const SNAPSHOTS = 5;
/** Below the expiry of a latch: platforms bound their calls. */
const DELAY_TICKS_MAX = 10;

export interface Trouble {
  /** Lists are read from older snapshots. */
  readonly stale: number;
  /** Calls are lost, late, answered by nobody, or the last of an operator that ends. */
  readonly calls: number;
  /** No member answers the operator. */
  readonly deaf: number;
}

/** What a turn knew that got to its end and wrote status. */
export interface Written {
  readonly configuration: Configuration | undefined;
  readonly isStale: boolean;
  readonly hadQuorum: boolean;
  readonly isFounded: boolean;
}

/** Observes, plans and acts on a world, badly. */
export class ModelOperator {
  readonly #world: ModelWorld;
  readonly #actions: ModelActions;
  readonly #history: Snapshot[] = [];
  readonly #heard = new Map<number, { uid: string; at: number }>();
  readonly #leaderless = new Map<number, { uid: string; since: number }>();
  #late: { readonly at: number; readonly effect: Effect; readonly step: Step }[] = [];
  trouble: Trouble = { stale: 0, calls: 0, deaf: 0 };
  trace: string[] = [];
  written: Written | undefined;

  constructor(world: ModelWorld) {
    this.#world = world;
    this.#actions = new ModelActions(world);
  }

  /** A turn: late calls land, then observe, plan, act, write status. */
  turn(): void {
    const world = this.#world;
    this.written = undefined;
    this.#history.push(this.#snapshot());
    if (this.#history.length > SNAPSHOTS) this.#history.shift();
    this.#landLate();
    const random = world.random;
    const back = random() < this.trouble.stale ? Math.floor(random() * this.#history.length) : 0;
    const seen = this.#history[Math.max(0, this.#history.length - 1 - back)]!;
    const input = this.#observe(seen);
    const hadQuorum = world.hasQuorum();
    const isFounded = input.status.clusterId !== undefined;
    const planned = plan(input);
    assertOneDisruption(input, planned.steps);
    let version = seen.statusVersion;
    for (const step of planned.steps) {
      const effect: Effect = {
        step,
        input,
        seen: { tick: seen.tick, keptVersion: seen.keptVersion, version },
      };
      const isWritten = this.#attempt(effect);
      if (isWritten === "stop") return;
      if (isWritten === "crash") {
        this.#heard.clear();
        this.#leaderless.clear();
        this.#history.splice(0);
        return;
      }
      if (isWritten === "status") version++;
    }
    if (version !== world.statusVersion) return;
    this.written = { configuration: input.configuration, isStale: back > 0, hadQuorum, isFounded };
    world.status = statusFrom(input, planned, world.status);
    world.statusVersion++;
  }

  #attempt(effect: Effect): "done" | "status" | "stop" | "crash" {
    const { random, tick } = this.#world;
    const isBad = random() < this.trouble.calls;
    const kind = isBad ? Math.floor(random() * 4) : -1;
    this.trace.push(
      `${tick} ${kind === -1 ? "" : `[${["lost", "late", "unanswered", "crash"][kind]}] `}${describe(effect.step)}`,
    );
    if (kind === 0) return "stop";
    if (kind === 1) {
      this.#late.push({ at: tick + 1 + Math.floor(random() * DELAY_TICKS_MAX), effect, step: effect.step });
      return "stop";
    }
    if (kind === 3 && random() < 0.5) return "crash";
    const result = this.#actions.carryOut(effect);
    if (result === "refused") return "stop";
    if (kind === 2) return "stop";
    if (kind === 3) return "crash";
    return result;
  }

  #landLate(): void {
    const due = this.#late.filter(({ at }) => at <= this.#world.tick);
    this.#late = this.#late.filter(({ at }) => at > this.#world.tick);
    for (const { effect } of due) {
      this.trace.push(`${this.#world.tick} [lands] ${describe(effect.step)}`);
      this.#actions.carryOut(effect);
    }
  }

  #snapshot(): Snapshot {
    const world = this.#world;
    const { tick, spec, generation, wantedHash, template, budget, keptVersion, status, statusVersion } =
      world;
    const indices = new Set([...world.pods.keys(), ...world.claims.keys()]);
    for (let i = 0; i < world.kept; i++) indices.add(i);
    const slots = [...indices].map((index) => this.#slot(index));
    return {
      tick,
      slots,
      spec,
      generation,
      wantedHash,
      template,
      budget,
      keptVersion,
      status,
      statusVersion,
    };
  }

  #slot(index: number): Omit<Slot, "report"> {
    const world = this.#world;
    const pod = world.pods.get(index);
    const claim = world.claims.get(index);
    const node = world.nodes.get(pod?.node ?? claim?.disk.node ?? "") ?? { state: "ok" };
    return {
      index,
      kept: index < world.kept,
      node,
      ...(pod?.node === undefined ? {} : { nodeName: pod.node }),
      ...(claim === undefined
        ? {}
        : {
            claim: {
              uid: claim.uid,
              deleting: claim.deleting,
              lost: claim.disk.gone,
              attachableElsewhere: !world.isLocal,
            },
          }),
      ...(pod === undefined
        ? {}
        : {
            replica: {
              uid: pod.uid,
              ready: world.isReady(index),
              deleting: pod.deleting,
              templateHash: pod.hash,
              ...(pod.waiting === undefined ? {} : { waiting: pod.waiting }),
            },
          }),
    };
  }

  #observe(seen: Snapshot): PlanInput {
    const world = this.#world;
    const { spec, generation, status, budget } = seen;
    const isDeaf = world.random() < this.trouble.deaf;
    const slots = seen.slots.map((slot) => ({ ...slot, report: this.#report(slot, isDeaf) }));
    return {
      now: world.now,
      generation,
      deleting: false,
      spec,
      status,
      slots,
      configuration: isDeaf ? undefined : this.#configuration(),
      template: { wanted: seen.wantedHash, current: seen.template },
      budget,
      drawnClusterId: world.newId("cluster-"),
    };
  }

  #report(slot: Omit<Slot, "report">, isDeaf: boolean): Report {
    const world = this.#world;
    const uid = slot.replica?.uid ?? "";
    const pod = world.pods.get(slot.index);
    const disk = world.runningDisk(slot.index);
    const isAnswering = !isDeaf && disk !== undefined && pod?.uid === uid && world.isReachable(slot.index);
    if (!isAnswering) {
      const isSeenDamaged = pod?.uid === uid && pod.node !== undefined && world.isReachable(slot.index);
      if (isSeenDamaged && world.claims.get(slot.index)?.disk.damaged)
        return { kind: "damaged", detail: "73" };
      const heard = this.#heard.get(slot.index);
      if (heard?.uid === uid) return { kind: "silent", since: heard.at };
      this.#heard.set(slot.index, { uid, at: world.now });
      return { kind: "silent", since: world.now };
    }
    this.#heard.set(slot.index, { uid, at: world.now });
    const leaderless = !world.alive().has(disk.memberId) || !world.hasQuorum();
    const leaderlessSince = this.#leaderlessSince(slot, leaderless);
    const { memberId, clusterId, removedIndex, incarnation } = disk;
    if (clusterId === undefined) return { kind: "blank", memberId };
    if (removedIndex !== undefined) return { kind: "removed", memberId, clusterId, removedIndex };
    return {
      kind: "member",
      memberId,
      clusterId,
      incarnation,
      leaderless,
      ...(leaderlessSince === undefined ? {} : { leaderlessSince }),
      refused: disk.stale,
    };
  }

  #leaderlessSince({ index, replica }: Omit<Slot, "report">, isLeaderless: boolean): number | undefined {
    const uid = replica?.uid ?? "";
    const before = this.#leaderless.get(index);
    this.#leaderless.delete(index);
    if (!isLeaderless || replica?.ready === true) return undefined;
    const since = before?.uid === uid ? before.since : this.#world.now;
    this.#leaderless.set(index, { uid, since });
    return since;
  }

  #configuration(): Configuration | undefined {
    const world = this.#world;
    const { raft } = world;
    if (raft === undefined || !world.hasQuorum() || raft.leader === undefined) return undefined;
    const alive = world.alive();
    const logs = new Map([...world.claims.values()].map(({ disk }) => [disk.memberId, disk.log]));
    const slotOf = this.#actions.namedSlots;
    return {
      term: 1n,
      index: raft.index,
      joint: raft.isJoint,
      committed: true,
      leader: raft.leader,
      removed: [...raft.removed].map(([id, index]) => ({ id, index })),
      members: raft.members.map((id) => ({
        id,
        name: `store-${slotOf.get(id)}`,
        slot: slotOf.get(id),
        kind: raft.voters.includes(id) ? "voter" : raft.outgoing.includes(id) ? "outgoing" : "learner",
        active: alive.has(id),
        caughtUp: (logs.get(id) ?? 0) >= raft.acknowledged - 1,
      })),
    };
  }
}

/** At most one disruptive step, and none without its latch. */
function assertOneDisruption({ slots, status }: PlanInput, steps: readonly Step[]): void {
  const kinds = ["changeMembership", "transferLeadership", "deleteClaim", "stopSlots"];
  const ready = new Set(slots.filter(({ replica }) => replica?.ready).map(({ replica }) => replica!.uid));
  const acts = steps.filter(
    (step) => kinds.includes(step.kind) || (step.kind === "restartSlot" && ready.has(step.replicaUid)),
  );
  if (acts.length > 1) throw new Error("more than one disruptive step");
  const isLatched = status.change !== undefined || steps.some(({ kind }) => kind === "latch");
  const needsLatch = ["deleteClaim", "stopSlots", "restartSlot"];
  if (acts.some(({ kind }) => needsLatch.includes(kind)) && !isLatched) throw new Error("no latch");
}

function describe(step: Step): string {
  return JSON.stringify(step, (_key, value) => (typeof value === "bigint" ? `${value}` : value));
}
