import type { PlanInput, Report } from "@rstore/operator/plan/observation";
import { plan } from "@rstore/operator/plan/plan";
import type { Step } from "@rstore/operator/plan/step";
import { statusFrom } from "@rstore/operator/status/status";
import { ReplicaError } from "@rstore/replica/runtime/replica-api";
import type { Random } from "../world/random.ts";
import { type ActParts, act, type TurnState } from "./act.ts";
import { idText, type Observed, observeConfiguration, observeReplica } from "./observe-members.ts";
import { operatorNowMs, usFromOperatorSeconds } from "./operator-time.ts";
import type { StatusRules } from "./status-rules.ts";
import {
  CallFailed,
  type OperatorWeather,
  type SimObjects,
  type SimResource,
  type SlotObjects,
} from "./types.ts";

export interface ProcessParts extends ActParts {
  readonly name: string;
  readonly random: Random;
  readonly statusRules: StatusRules;
  readonly weather: () => OperatorWeather;
}

/** Most of a call's way; the API server is near. */
const CALL_MEAN_US = 8_000;
/** Platforms bound their calls: what comes later than this never comes. Less than the expiry of a latch. */
const LATE_MAX_US = usFromOperatorSeconds(60);
const RETRY_MAX_US = usFromOperatorSeconds(5);
const SOON_MAX_US = 100_000;

/** Nothing of an operator goes on after its end. */
class Ended extends Error {}

/** One process of the operator, from its start to its end: observes, plans and acts, turn after turn. */
export class OperatorProcess {
  readonly #parts: ProcessParts;
  /** What keeps each replica from serving, and since when, by the uid of its pod. */
  readonly #outages = new Map<string, { readonly kind: "silent" | "leaderless"; readonly since: number }>();
  readonly #removed = new Map<string, bigint>();
  #isEnded = false;
  #resumed: (() => void) | undefined;
  #isPaused = false;
  /** Calls until it ends or pauses by itself. */
  #fuse: { calls: number; readonly burn: () => void } | undefined;
  #turnsLeft = Number.POSITIVE_INFINITY;
  #wake: (() => void) | undefined;
  #isDirty = false;

  constructor(parts: ProcessParts) {
    this.#parts = parts;
    void this.#run();
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  end(): void {
    this.#isEnded = true;
  }

  /** After so many more of its calls, between two steps. */
  after(calls: number, burn: () => void): void {
    this.#fuse = { calls, burn };
  }

  pause(): void {
    this.#isPaused = true;
  }

  /** Goes on where it stood: with what is left of its turn, and so many turns more. */
  resume(turnsLeft: number): void {
    this.#isPaused = false;
    this.#turnsLeft = turnsLeft;
    const resumed = this.#resumed;
    this.#resumed = undefined;
    resumed?.();
  }

  /** A watch says that something changed. */
  changed(): void {
    this.#isDirty = true;
    this.#wake?.();
  }

  async #run(): Promise<void> {
    const { cluster, name, random } = this.#parts;
    const { world } = cluster;
    while (!this.#isEnded && world.violation === undefined) {
      let waitUs: number;
      try {
        waitUs = usFromOperatorSeconds(await this.#turn());
      } catch (error) {
        if (error instanceof Ended) return;
        if (!(error instanceof CallFailed) && !(error instanceof ReplicaError)) {
          world.fail("operator-threw", `${name}: ${(error as Error).stack}`);
          return;
        }
        world.say(name, () => (error as Error).message);
        waitUs = random.between(50_000, RETRY_MAX_US);
      }
      if (--this.#turnsLeft <= 0) this.#isEnded = true;
      await this.#sleep(waitUs);
    }
  }

  /** Answers after how many of its seconds to look again. */
  async #turn(): Promise<number> {
    this.#isDirty = false;
    const { cluster, rules, statusRules, api } = this.#parts;
    const sinceUs = cluster.world.nowUs;
    const { resource, objects } = await this.#lists();
    const input = await this.#observe(resource, objects);
    await this.#call();
    const basis = rules.basis(input, sinceUs);
    const planned = plan(input);
    rules.planned(input, planned.steps);
    const turn: TurnState = {
      resource,
      set: objects.set,
      budgetVersion: objects.budgetVersion,
      objects,
      input,
      basis,
    };
    let failure: unknown;
    for (const step of planned.steps) {
      try {
        await this.#attempt(step, turn);
      } catch (error) {
        if (!(error instanceof CallFailed) && !(error instanceof ReplicaError)) throw error;
        failure = error;
        break;
      }
    }
    await this.#call();
    const status = statusFrom(input, planned, turn.resource.status);
    if (JSON.stringify(status) !== JSON.stringify(turn.resource.status)) {
      statusRules.writing(status, turn);
      api.writeStatus(turn.resource.version, status);
    }
    if (failure !== undefined) throw failure;
    return planned.requeueAfterSeconds;
  }

  /** The resource is read first: what is in the lists is never older than it. */
  async #lists(): Promise<{ resource: SimResource; objects: SimObjects }> {
    const { api, platform, random, weather, cluster } = this.#parts;
    await this.#call();
    if (!random.chance(weather().stale)) {
      const { resource } = api;
      await this.#call();
      return { resource, objects: platform.objects() };
    }
    cluster.world.coverage.count("operator.stale-view");
    const objects = platform.oldObjects();
    const resource = random.chance(0.5) ? api.resourceAt(objects.atUs) : api.resource;
    return { resource, objects };
  }

  async #observe(resource: SimResource, objects: SimObjects): Promise<PlanInput> {
    const { caller, cluster, random } = this.#parts;
    const now = operatorNowMs(cluster.world);
    const replicas = await Promise.all(objects.slots.map((slot) => observeReplica(caller, slot)));
    const configuration = await observeConfiguration(caller, replicas, (name) => {
      const slot = cluster.slots.find((candidate) => candidate.name === name);
      return slot?.index;
    });
    const drawn = (BigInt(random.uint32()) << 32n) | BigInt(random.between(1, 0xffff_ffff));
    return {
      now,
      generation: resource.generation,
      deleting: false,
      spec: resource.spec,
      status: resource.status,
      slots: replicas.map((replica) => {
        const { damage: _, marked: __, ...slot } = replica.slot;
        return { ...slot, report: this.#report(replica, now) };
      }),
      configuration: configuration && {
        ...configuration,
        removed: [...this.#removed].map(([id, index]) => ({ id, index })),
      },
      template: { wanted: resource.wantedTemplate, current: objects.set.template },
      budget:
        objects.minAvailable === undefined
          ? undefined
          : { minAvailable: objects.minAvailable, voters: markedSlots(objects.slots) },
      drawnClusterId: idText(drawn),
    };
  }

  #report({ slot, identity, status, isLeaderless }: Observed, now: number): Report {
    const key = slot.replica?.uid ?? `slot ${slot.index}`;
    if (identity === undefined) {
      if (slot.damage !== undefined) return { kind: "damaged", detail: slot.damage };
      return { kind: "silent", since: this.#lastsSince(key, "silent", now) };
    }
    const isOut = status !== undefined && isLeaderless && slot.replica?.ready === false;
    if (!isOut) this.#outages.delete(key);
    const memberId = idText(identity.memberId);
    if (identity.clusterId === 0n) return { kind: "blank", memberId };
    const clusterId = idText(identity.clusterId);
    const { removedIndex, incarnation } = identity;
    if (removedIndex !== undefined) return { kind: "removed", memberId, clusterId, removedIndex };
    const refused = status?.diskRefused === true;
    const member = {
      kind: "member",
      memberId,
      clusterId,
      incarnation,
      leaderless: isLeaderless,
      refused,
    } as const;
    return isOut ? { ...member, leaderlessSince: this.#lastsSince(key, "leaderless", now) } : member;
  }

  #lastsSince(key: string, kind: "silent" | "leaderless", now: number): number {
    const before = this.#outages.get(key);
    if (before?.kind === kind) return before.since;
    this.#outages.set(key, { kind, since: now });
    return now;
  }

  async #attempt(step: Step, turn: TurnState): Promise<void> {
    const { cluster, name, random, weather } = this.#parts;
    const { world } = cluster;
    await this.#call();
    world.say(name, () => describe(step));
    const { lost, late, unanswered } = weather();
    if (random.chance(lost)) throw new CallFailed("the call was lost");
    if (random.chance(late)) {
      const captured = { ...turn };
      world.at(random.between(0, LATE_MAX_US), () => {
        world.coverage.count("operator.acted-late");
        world.say(name, () => `late: ${describe(step)}`);
        this.#act(step, captured).catch((error: unknown) => {
          if (error instanceof CallFailed || error instanceof ReplicaError) return;
          world.fail("operator-threw", `${name}: ${(error as Error).stack}`);
        });
      });
      throw new CallFailed("no answer; it comes late");
    }
    await this.#act(step, turn);
    await this.#call();
    if (random.chance(unanswered)) throw new CallFailed("carried out, and answered with an error");
  }

  async #act(step: Step, turn: TurnState): Promise<void> {
    const parts = { ...this.#parts, refusedAsRemoved: (id: string, at: bigint) => this.#removed.set(id, at) };
    await act(parts, step, turn);
  }

  /** On the way to somebody: here it may be paused, and here it ends. */
  async #call(): Promise<void> {
    const { cluster, random } = this.#parts;
    if (this.#fuse !== undefined && --this.#fuse.calls <= 0) {
      const { burn } = this.#fuse;
      this.#fuse = undefined;
      burn();
    }
    await new Promise<void>((resolve) => cluster.world.at(random.exponential(CALL_MEAN_US), resolve));
    while (this.#isPaused && !this.#isEnded) {
      await new Promise<void>((resolve) => {
        this.#resumed = resolve;
      });
    }
    if (this.#isEnded) throw new Ended();
  }

  async #sleep(us: number): Promise<void> {
    const { world } = this.#parts.cluster;
    const { random } = this.#parts;
    await new Promise<void>((resolve) => {
      let isWoken = false;
      const cancel = world.at(us, resolve);
      this.#wake = () => {
        if (isWoken) return;
        isWoken = true;
        cancel();
        world.at(random.between(0, SOON_MAX_US), resolve);
      };
      if (this.#isDirty) this.#wake();
    });
    this.#wake = undefined;
    while (this.#isPaused && !this.#isEnded) {
      await new Promise<void>((resolve) => {
        this.#resumed = resolve;
      });
    }
  }
}

function markedSlots(slots: readonly SlotObjects[]): number[] {
  return slots.filter(({ marked }) => marked).map(({ index }) => index);
}

function describe({ reason, ...step }: Step): string {
  return `${JSON.stringify(step, (_key, value) => (typeof value === "bigint" ? `${value}` : value))}: ${reason}`;
}
