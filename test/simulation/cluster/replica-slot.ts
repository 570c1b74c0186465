import { FatalError } from "@rstore/replica/errors";
import type { Clock } from "@rstore/replica/runtime/clock";
import type { Member } from "@rstore/replica/runtime/member";
import type { Replica } from "@rstore/replica/runtime/replica";
import type { SimDisk } from "../disk/types.ts";
import type { SimNetwork } from "../network/types.ts";
import type { Random } from "../world/random.ts";
import type { World } from "../world/world.ts";
import { Happening } from "./happening.ts";
import { ProcessClock } from "./process-clock.ts";
import { ProcessLife } from "./process-life.ts";
import type { Exit, Life, Slot } from "./types.ts";

/** A replica at work, from the moment that its process begins. */
export interface RunningReplica {
  /** undefined until the disk is open. */
  readonly replica: Replica | undefined;
  readonly member: Member | undefined;
  /** Hands over, drains, closes. */
  stop(): Promise<void>;
}

export interface LaunchParts {
  readonly slot: Slot;
  readonly life: Life;
  readonly clock: Clock;
  readonly random: Random;
  /** Nothing of this life goes on after the call. */
  readonly failed: (error: unknown) => void;
}

interface ReplicaSlotParts {
  readonly world: World;
  readonly index: number;
  readonly disk: SimDisk;
  readonly network: SimNetwork;
  readonly launch: (parts: LaunchParts) => RunningReplica;
  /** Something is about to run in the process of this slot. */
  readonly entered: (slot: Slot) => void;
}

interface Process {
  readonly life: ProcessLife;
  readonly clock: ProcessClock;
  /** undefined while it boots. */
  running: RunningReplica | undefined;
  readonly startedUs: number;
}

/** From a supervisor's decision to the first step of the replica. */
const BOOT_MIN_US = 5_000;
const BOOT_MAX_US = 60_000;
const RESTART_MEAN_US = 300_000;
/** A process that ends again and again is started ever less often, as kubelet does. */
const RESTART_MAX_US = 10_000_000;
const STEADY_US = 10_000_000;
/** As in replica/src/main.ts: what does not stop in time is ended. */
const STOP_DEADLINE_US = 20_000_000;
const WALL_START_MS = Date.UTC(2026, 0, 1);
const WALL_SKEW_MAX_MS = 3_600_000;

/** See {@link Slot}. */
export class ReplicaSlot implements Slot {
  readonly index: number;
  readonly name: string;
  readonly peerUrl: string;
  readonly clientUrl: string;
  readonly disk: SimDisk;
  supervised = true;
  placed = true;
  lastExit: Exit | undefined;
  readonly #parts: ReplicaSlotParts;
  readonly #random: Random;
  readonly #wallSkewMs: number;
  #process: Process | undefined;
  #rate = 1;
  #lives = 0;
  #quickEnds = 0;
  #callsLeft: number | undefined;
  #cancelRestart: () => void = () => {};

  constructor(parts: ReplicaSlotParts) {
    const { index, disk, world } = parts;
    this.#parts = parts;
    this.index = index;
    this.name = `r${index}`;
    this.peerUrl = `http://${this.name}:4101`;
    this.clientUrl = `http://${this.name}:4001`;
    this.disk = disk;
    this.#random = world.random(`slot ${index}`);
    this.#wallSkewMs = this.#random.between(-WALL_SKEW_MAX_MS, WALL_SKEW_MAX_MS);
  }

  get life(): Life | undefined {
    return this.#process?.life;
  }

  get clock(): Clock | undefined {
    return this.#process?.clock;
  }

  get replica(): Replica | undefined {
    return this.#process?.running?.replica;
  }

  get member(): Member | undefined {
    return this.#process?.running?.member;
  }

  start(): void {
    this.#cancelRestart();
    if (this.#process !== undefined || !this.placed) return;
    const { world, launch, entered } = this.#parts;
    this.#lives += 1;
    const random = world.random(`process ${this.index}.${this.#lives}`);
    const life = new ProcessLife(world, () => entered(this));
    const clock = new ProcessClock({
      world,
      life,
      random,
      rate: this.#rate,
      startMs: random.between(20, 5000),
      wallStartMs: WALL_START_MS + world.nowUs / 1000 + this.#wallSkewMs,
    });
    const failed = (error: unknown): void => this.#failed(life, error);
    world.note(Happening.processStarted, this.index, this.#lives);
    world.say(this.name, () => `process ${this.#lives} starts`);
    if (this.#lives > 1) world.coverage.count("process.restarted");
    const started: Process = { life, clock, running: undefined, startedUs: world.nowUs };
    this.#process = started;
    world.at(random.between(BOOT_MIN_US, BOOT_MAX_US), () =>
      life.enter(() => {
        started.running = launch({ slot: this, life, clock, random, failed });
      }),
    );
  }

  crash(): void {
    if (this.#process === undefined) return;
    const { coverage } = this.#parts.world;
    coverage.count("process.crashed");
    if (this.member?.isLeader === true) coverage.count("leader.crashed");
    this.#end({ kind: "killed" });
  }

  crashAtCall(calls: number): void {
    if (calls === Number.MAX_SAFE_INTEGER) {
      this.#callsLeft = undefined;
      this.disk.onCall = undefined;
      return;
    }
    this.#callsLeft = calls;
    this.disk.onCall = () => this.called();
  }

  /** Its process is about to have an effect on disk or network. */
  called(): void {
    if (this.#callsLeft === undefined || this.#process === undefined) return;
    this.#callsLeft -= 1;
    if (this.#callsLeft > 0) return;
    this.#parts.world.coverage.count("process.crashed-between-steps");
    this.crash();
  }

  stop(): void {
    const ending = this.#process;
    if (ending === undefined) return;
    const { world } = this.#parts;
    world.say(this.name, () => "SIGTERM");
    ending.life.enter(() => {
      (ending.running?.stop() ?? Promise.resolve()).then(
        () => this.#stopped(ending),
        (error: unknown) => this.#failed(ending.life, error),
      );
    });
    world.at(STOP_DEADLINE_US, () => {
      if (this.#process === ending) this.crash();
    });
  }

  pause(): void {
    if (this.#process === undefined || this.#process.life.isPaused) return;
    const { world } = this.#parts;
    world.coverage.count("process.paused");
    if (this.member?.isLeader === true) world.coverage.count("leader.paused");
    world.say(this.name, () => "SIGSTOP");
    this.#process.life.pause();
  }

  resume(): void {
    if (this.#process === undefined || !this.#process.life.isPaused) return;
    this.#parts.world.say(this.name, () => "SIGCONT");
    this.#process.life.resume();
  }

  setClockRate(rate: number): void {
    if (rate !== 1) this.#parts.world.coverage.count("clock.skewed");
    this.#rate = rate;
    this.#process?.clock.setRate(rate);
  }

  #stopped(ending: Process): void {
    if (this.#process !== ending) return;
    this.#parts.world.coverage.count("process.stopped");
    this.#end({ kind: "stopped" });
  }

  #failed(life: Life, error: unknown): void {
    if (life.isOver || this.#process?.life !== life) return;
    const { world } = this.#parts;
    const fatal = error instanceof FatalError ? error : asInternal(error);
    world.say(this.name, () => `ends itself: ${fatal.reason}: ${fatal.message}`);
    if (fatal.reason === "corruptLog" || fatal.reason === "corruptStore") {
      world.coverage.count("disk.damage-found");
    }
    if (!this.disk.explains(fatal.reason)) {
      const stack = fatal.reason === "internal" ? `\n${stackOf(error)}` : "";
      world.fail("unexplained-exit", `${this.name} ended itself: ${fatal.reason}: ${fatal.message}${stack}`);
    }
    this.#end({ kind: "fatal", error: fatal });
  }

  #end(exit: Exit): void {
    const { world, network } = this.#parts;
    const { life, startedUs } = this.#process!;
    life.end();
    this.#process = undefined;
    this.lastExit = exit;
    this.#callsLeft = undefined;
    this.disk.onCall = undefined;
    world.note(Happening.processEnded, this.index, exitCodes.indexOf(exit.kind));
    world.say(this.name, () => `process is over: ${exit.kind}`);
    network.processEnded(this.index);
    this.disk.crash();
    const quick = world.nowUs - startedUs < STEADY_US;
    this.#quickEnds = exit.kind === "fatal" && quick ? this.#quickEnds + 1 : 0;
    this.#superviseRestart();
  }

  #superviseRestart(): void {
    const mean = Math.min(RESTART_MAX_US, RESTART_MEAN_US * 2 ** this.#quickEnds);
    this.#cancelRestart = this.#parts.world.at(this.#random.exponential(mean), () => {
      if (this.supervised) this.start();
    });
  }
}

const exitCodes: readonly Exit["kind"][] = ["killed", "stopped", "fatal"];

function asInternal(error: unknown): FatalError {
  const message = error instanceof Error ? error.message : String(error);
  return new FatalError("internal", message, { cause: error });
}

function stackOf(error: unknown): string {
  const cause = error instanceof FatalError && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? (cause.stack ?? "") : String(cause);
}
