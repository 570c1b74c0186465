import type { PlanSpec } from "@rstore/operator/plan/observation";
import type { SimCluster } from "../cluster/types.ts";
import { Layers } from "../plan/layers.ts";
import type { LossLedger } from "../plan/loss-ledger.ts";
import type { OperatorShape } from "../plan/types.ts";
import type { Random } from "../world/random.ts";
import { ApiServer } from "./api-server.ts";
import { DisruptionRules } from "./disruption-rules.ts";
import { idFromText } from "./observe-members.ts";
import { OperatorProcess } from "./operator-process.ts";
import type { Place } from "./place.ts";
import { ReplicaCaller } from "./replica-caller.ts";
import { SimPlatform } from "./sim-platform.ts";
import { StatusRules } from "./status-rules.ts";
import { Truth } from "./truth.ts";
import { calmWeather, type OperatorWeather } from "./types.ts";

export interface SimulatedOperatorParts {
  readonly cluster: SimCluster & { readonly slots: readonly Place["slot"][] };
  readonly shape: OperatorShape;
  readonly losses: LossLedger;
}

/** In which a lease runs out, or a process is started again. */
const LEASE_MIN_MS = 100;
const LEASE_MAX_MS = 1500;
/** Generous: before the faults and after them nobody may give up. */
const CALM_CATCH_UP_SECONDS = 900;

/** A resource, a platform with places for replicas, and the operator that looks after them. */
export class SimulatedOperator {
  readonly api: ApiServer;
  readonly platform: SimPlatform;
  readonly truth: Truth;
  readonly rules: DisruptionRules;
  readonly weather: Layers<OperatorWeather>;
  readonly losses: LossLedger;
  readonly #parts: SimulatedOperatorParts;
  readonly #random: Random;
  readonly #caller: ReplicaCaller;
  readonly #statusRules: StatusRules;
  #weather = calmWeather;
  #processes: OperatorProcess[] = [];
  #count = 0;
  #templates = 0;

  constructor(parts: SimulatedOperatorParts) {
    const { cluster, shape, losses } = parts;
    const { world } = cluster;
    this.#parts = parts;
    this.losses = losses;
    this.#random = world.random("operator");
    this.truth = new Truth(cluster);
    this.platform = new SimPlatform({
      world,
      slots: cluster.slots,
      isAttachable: shape.attachable,
      claimRemoved: ({ slot }) => {
        const member = slot.disk.durableLog()?.memberId;
        if (member !== undefined) losses.add(member);
      },
    });
    this.api = new ApiServer(() => world.nowUs, this.#firstSpec(), "template-0");
    this.#caller = new ReplicaCaller(cluster, this.platform.places);
    this.rules = new DisruptionRules({ cluster, platform: this.platform, truth: this.truth, losses });
    this.#statusRules = new StatusRules(cluster, this.truth, this.rules.doubtUs);
    this.weather = new Layers(calmWeather, (weather) => {
      this.#weather = weather;
    });
    losses.coming = () => (this.api.resource.status.change?.voters ?? []).map(idFromText);
    this.api.onEdit = () => this.#changed();
    this.platform.onChange = () => this.#changed();
  }

  start(): void {
    this.truth.start();
    this.platform.start();
    this.#launch();
  }

  /** Every wanted slot has its voter, and nothing is under way. */
  get isFounded(): boolean {
    const { settledReplicas } = this.api.resource.status;
    return settledReplicas !== undefined;
  }

  placeOf(index: number): Place | undefined {
    return this.platform.places[index];
  }

  editReplicas(replicas: number): void {
    const { spec } = this.api.resource;
    const wanted = Math.max(1, Math.min(replicas, this.platform.places.length));
    if (wanted !== spec.replicas) this.api.editSpec({ ...spec, replicas: wanted });
  }

  editTemplate(isBad: boolean): void {
    this.#templates += 1;
    this.api.editTemplate(`${isBad ? "bad" : "template"}-${this.#templates}`);
  }

  /** Between two of its calls; another one takes over. */
  crash(calls: number, downMs: number): void {
    const process = this.#processes.at(-1);
    const { world } = this.#parts.cluster;
    process?.after(calls, () => {
      world.say("operator", () => "crashes");
      world.coverage.count("operator.crashed-between-steps");
      process.end();
      world.at(downMs * 1000, () => this.#launch());
    });
  }

  /** Another one takes over; then the old one goes on for a while. */
  pause(calls: number, forMs: number): void {
    const process = this.#processes.at(-1);
    const { world } = this.#parts.cluster;
    process?.after(calls, () => {
      world.say("operator", () => "is paused");
      process.pause();
      world.at(this.#random.between(LEASE_MIN_MS, LEASE_MAX_MS) * 1000, () => this.#launch());
      world.at(forMs * 1000, () => {
        world.say("operator", () => "goes on after a pause");
        world.coverage.count("operator.two-at-once");
        process.resume(this.#random.pick([1, 1, 2, 5]));
      });
    });
  }

  /** Somebody deletes the resource and makes it again; claims are kept. */
  recreate(replicas: number, downMs: number): void {
    const { world } = this.#parts.cluster;
    this.platform.dropOwned();
    for (const process of this.#processes) process.end();
    world.at(downMs * 1000, () => {
      const { spec } = this.api.resource;
      this.api.recreate({ ...spec, replicas: Math.min(replicas, this.platform.places.length) });
      this.#launch();
    });
  }

  /** From now on an attempt to grow may be given up. */
  beginFaults(): void {
    const { catchUpDeadlineSeconds } = this.#parts.shape;
    this.api.editSpec({ ...this.api.resource.spec, catchUpDeadlineSeconds });
  }

  /** Nothing is lost or late any more, nodes are back, and somebody says for the last time what is wanted. */
  endFaults(): void {
    this.weather.clear();
    for (const { pod, claim } of this.platform.places) {
      for (const node of [pod?.node, claim?.boundTo])
        if (node?.state.state === "unreachable") node.comeBack();
    }
    const { spec } = this.api.resource;
    this.api.editSpec({ ...spec, paused: false, catchUpDeadlineSeconds: CALM_CATCH_UP_SECONDS });
    if (this.api.resource.wantedTemplate.startsWith("bad")) this.editTemplate(false);
  }

  #launch(): void {
    const { cluster } = this.#parts;
    // Of those that run, the newest has the lease; one that still ran is replaced.
    for (const process of this.#processes) if (!process.isPaused) process.end();
    this.#processes = this.#processes.filter(({ isEnded }) => !isEnded);
    this.#count += 1;
    this.#processes.push(
      new OperatorProcess({
        name: `op${this.#count}`,
        cluster,
        api: this.api,
        platform: this.platform,
        caller: this.#caller,
        rules: this.rules,
        refusedAsRemoved: () => {},
        random: cluster.world.random(`operator ${this.#count}`),
        statusRules: this.#statusRules,
        weather: () => this.#weather,
      }),
    );
  }

  #changed(): void {
    for (const process of this.#processes) process.changed();
  }

  #firstSpec(): PlanSpec {
    const { cluster, shape } = this.#parts;
    return {
      replicas: cluster.shape.members,
      paused: false,
      whenScaled: shape.whenScaled,
      whenDeleted: "Retain",
      replacementMode: "Automatic",
      replaceAfterSeconds: shape.replaceAfterSeconds,
      catchUpDeadlineSeconds: CALM_CATCH_UP_SECONDS,
      drainsMayInterruptService: false,
    };
  }
}
