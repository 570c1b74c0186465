import { randomBytes } from "node:crypto";
import { unwatchFile, watchFile } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import type { MemberId } from "../../api/v1alpha1/types.ts";
import { ReplicaCallError } from "../../member/replica-error.ts";
import type { PlanInput } from "../../plan/observation.ts";
import { type Plan, plan } from "../../plan/plan.ts";
import type { Step } from "../../plan/step.ts";
import { statusFrom } from "../../status/status.ts";
import type { Outages } from "../outages.ts";
import type { StatusChange } from "../status-change.ts";
import { StepOutdatedError } from "../step-outdated-error.ts";
import { type ActContext, act } from "./act.ts";
import type { KeeperFile } from "./keeper-file.ts";
import { type Observation, observe } from "./observe.ts";
import { ReplicaSet } from "./replica-set.ts";
import type { SlotAddress } from "./slot-address.ts";
import { SpecFollower } from "./spec-follower.ts";
import { type StoredResource, withSpec, writeStatusFile } from "./status-file.ts";
import { storeFilePath } from "./store-file.ts";
import { templateFrom } from "./template.ts";

export interface LocalStoreEvents {
  readonly onReplicaLine: (address: SlotAddress, line: string) => void;
  readonly onReplicaNote: (address: SlotAddress, text: string) => void;
  readonly onStep: (step: Step) => void;
  /** A turn came to an end: what was seen, and what status says now. */
  readonly onTurn: (resource: StoredResource, plan: Plan, input: PlanInput) => void;
  /** Why a step or a turn failed; it is tried again. */
  readonly onFailure: (why: string) => void;
  readonly onSpecRefused: (problems: readonly string[]) => void;
  readonly onSpecChanged: (resource: StoredResource, unused: readonly string[]) => void;
}

export interface LocalStoreOptions {
  /** Its data directories and files are in it. */
  readonly folder: string;
  readonly resource: StoredResource;
  readonly keeper: KeeperFile;
  /** The script that starts a replica. */
  readonly launcher: string;
  readonly logLevel: string;
  readonly events: LocalStoreEvents;
}

/** Turns are cheap here, and a person waits: sooner again than on a cluster. */
const actedAgainMs = 100;
const busyAgainMs = 300;
const idleAgainMs = 2_000;
const fileIntervalMs = 250;

/** A ReplicatedStore whose replicas are processes of this machine: the loop that looks, plans and acts. */
export class LocalStore {
  readonly #options: LocalStoreOptions;
  readonly #replicas: ReplicaSet;
  readonly #spec: SpecFollower;
  readonly #outages: Outages = new Map();
  readonly #removed = new Map<MemberId, bigint>();
  #resource: StoredResource;
  #running = false;
  #loop: Promise<void> = Promise.resolve();
  #wake: (() => void) | undefined;

  constructor(options: LocalStoreOptions) {
    const { folder, keeper, launcher, logLevel, events } = options;
    this.#options = options;
    this.#resource = options.resource;
    this.#spec = new SpecFollower(folder, keeper);
    this.#replicas = new ReplicaSet({
      folder,
      keeper,
      launcher,
      logLevel,
      template: templateFrom(options.resource.spec),
      onLine: events.onReplicaLine,
      onNote: (address, text) => {
        events.onReplicaNote(address, text);
        this.#wake?.();
      },
    });
  }

  /** `onFailure` is told when the loop itself fails, which is a bug. */
  start(onFailure: (error: unknown) => void): void {
    this.#running = true;
    watchFile(storeFilePath(this.#options.folder), { interval: fileIntervalMs }, this.#fileChanged);
    this.#loop = this.#run().catch(onFailure);
  }

  /** Ends all replicas in order and waits for them. */
  async stop(): Promise<void> {
    this.#end();
    await Promise.all([this.#replicas.stop(), this.#loop]);
  }

  /** Ends all replicas at once. */
  kill(): void {
    this.#end();
    this.#replicas.kill();
  }

  #end(): void {
    this.#running = false;
    unwatchFile(storeFilePath(this.#options.folder), this.#fileChanged);
    this.#wake?.();
  }

  readonly #fileChanged = (): void => this.#wake?.();

  async #run(): Promise<void> {
    while (this.#running) {
      const againMs = await this.#guardedTurn();
      if (this.#running) await this.#pause(againMs);
    }
  }

  /** A file that can't be written, on a full disk for one, ends the turn and not the replicas. */
  async #guardedTurn(): Promise<number> {
    try {
      return await this.#turn();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
      this.#options.events.onFailure((error as Error).message);
      return idleAgainMs;
    }
  }

  async #turn(): Promise<number> {
    const isFileFresh = this.#followSpec();
    this.#replicas.tend();
    const wanted = templateFrom(this.#resource.spec);
    const observation = await observe({
      resource: this.#resource,
      replicas: this.#replicas,
      wantedHash: wanted.hash,
      outages: this.#outages,
      removed: this.#removed,
      nowMs: Date.now(),
      drawnClusterId: drawId(),
    });
    if (!this.#running) return 0;
    const { input, version } = observation;
    this.#dropBlankOnNothing(input);
    const planned = plan(input);
    const isDone = await this.#carryOut(planned, observation);
    if (!this.#running) return 0;
    this.#replaceStatus({ ...statusFrom(input, planned, this.#resource.status), version });
    this.#options.events.onTurn(this.#resource, planned, input);
    if (!isDone || isFileFresh) return busyAgainMs;
    if (planned.steps.length > 0) return actedAgainMs;
    return Math.min(planned.requeueAfterSeconds > 2 ? idleAgainMs : busyAgainMs, idleAgainMs);
  }

  /** True: the file is being written just now, and has to be looked at again soon. */
  #followSpec(): boolean {
    const { events, folder } = this.#options;
    const seen = this.#spec.look(Date.now(), this.#resource.spec);
    if (seen.kind === "refused") events.onSpecRefused(seen.problems);
    if (seen.kind === "changed") {
      const next = withSpec(this.#resource, seen.spec);
      writeStatusFile(folder, next);
      this.#resource = next;
      events.onSpecChanged(next, seen.unused);
    }
    return seen.kind === "fresh";
  }

  /** A replica that belongs to no cluster, on a directory that is gone: it has nothing, and would lose what it got. */
  #dropBlankOnNothing({ slots }: PlanInput): void {
    for (const { index, claim, replica, report } of slots) {
      if (claim !== undefined || replica === undefined || replica.deleting || report.kind !== "blank")
        continue;
      this.#replicas.restart(index, replica.uid, "delete");
    }
  }

  /** In order; what fails ends it, since the rest was planned on its success. */
  async #carryOut({ steps }: Plan, { input, addresses }: Observation): Promise<boolean> {
    const wanted = templateFrom(this.#resource.spec);
    const { events } = this.#options;
    const context: ActContext = {
      input,
      addresses,
      replicas: this.#replicas,
      wanted,
      removed: this.#removed,
      memberIn: (slot) => {
        const { name, peerUrl, clientUrl } = this.#replicas.address(slot);
        return { name, peerUrl, clientUrl };
      },
      writeStatus: (change) => this.#writeStatus(change),
    };
    for (const step of steps) {
      if (!this.#running) return true;
      events.onStep(step);
      try {
        await act(step, context);
      } catch (error) {
        if (!(error instanceof ReplicaCallError || error instanceof StepOutdatedError)) throw error;
        if (this.#running) events.onFailure(error.message);
        return false;
      }
    }
    return true;
  }

  #writeStatus(change: StatusChange): void {
    this.#replaceStatus({ ...this.#resource.status, ...change });
  }

  #replaceStatus(whole: StatusChange): void {
    const status = JSON.parse(JSON.stringify(whole)) as StatusChange;
    if (isDeepStrictEqual(status, this.#resource.status)) return;
    const next = { ...this.#resource, status } as StoredResource;
    writeStatusFile(this.#options.folder, next);
    this.#resource = next;
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }
}

/** 16 hexadecimal digits, not 0. */
function drawId(): string {
  const id = randomBytes(8).toString("hex");
  return /^0+$/.test(id) ? drawId() : id;
}
