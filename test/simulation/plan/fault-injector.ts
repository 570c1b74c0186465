import { Happening } from "../cluster/happening.ts";
import type { SimCluster, Slot } from "../cluster/types.ts";
import type { DiskWeather } from "../disk/types.ts";
import type { LinkWeather } from "../network/types.ts";
import type { SimulatedOperator } from "../operator/simulated-operator.ts";
import { applyFault } from "./apply-fault.ts";
import { linkOfKey } from "./apply-network.ts";
import { describeFault } from "./describe-fault.ts";
import { type FaultContext, slotAt } from "./fault-context.ts";
import { Holds } from "./holds.ts";
import { Layers } from "./layers.ts";
import { LossLedger } from "./loss-ledger.ts";
import { MembershipAdministrator } from "./membership-administrator.ts";
import { OldCopies, type OldCopy } from "./old-copies.ts";
import type { PeerMemory } from "./peer-memory.ts";
import type { Fault, PlannedFault } from "./types.ts";

/** A rate of 1 is a clock as the world's. */
const steadyRate = 1;
/** More calls than a process can make. */
const never = Number.MAX_SAFE_INTEGER;

/** Carries out the faults of a plan on a cluster, each at its time, and can end all of them. */
export class FaultInjector {
  readonly losses: LossLedger;
  readonly #context: FaultContext;
  readonly #cluster: SimCluster;
  readonly #memory: PeerMemory;
  readonly #links = new Map<string, Layers<LinkWeather | undefined>>();
  readonly #disks = new Map<Slot, Layers<DiskWeather>>();
  readonly #spaces = new Map<Slot, Layers<number | undefined>>();
  #operator: SimulatedOperator | undefined;
  #ended = false;
  #count = 0;

  constructor(cluster: SimCluster, memory: PeerMemory) {
    this.#cluster = cluster;
    this.#memory = memory;
    this.losses = new LossLedger(cluster);
    this.#context = this.#createContext();
  }

  /** It looks after the cluster from now on. */
  set operator(operator: SimulatedOperator) {
    this.#operator = operator;
  }

  /** Times of the plan count from now. */
  schedule(faults: readonly PlannedFault[]): void {
    for (const { atMs, fault } of faults) {
      if (fault.kind === "old-copy") this.#scheduleOldCopy(atMs, fault);
      else this.#later(atMs, () => this.apply(fault));
    }
  }

  #scheduleOldCopy(atMs: number, fault: Extract<Fault, { kind: "old-copy" }>): void {
    let copy: OldCopy | undefined;
    const takenMs = Math.max(0, atMs - fault.ageMs);
    this.#later(takenMs, () => {
      const slot = slotAt(this.#context, fault.slot);
      copy = slot && this.#context.oldCopies.take(slot);
    });
    if (fault.remembered) {
      const restart: Fault = { kind: "crash", slot: fault.slot, downMs: 20 };
      for (const share of [0.1, 0.5]) this.#later(takenMs + share * fault.ageMs, () => this.apply(restart));
    }
    this.#later(atMs, () => this.#carryOut(fault, copy));
  }

  /** Now. */
  apply(fault: Fault): void {
    this.#carryOut(fault, undefined);
  }

  #carryOut(fault: Fault, copy: OldCopy | undefined): void {
    const { world } = this.#cluster;
    this.#count += 1;
    world.note(Happening.fault, this.#count);
    this.#context.say(() => describeFault(fault));
    applyFault({ ...this.#context, operator: this.#operator }, fault, copy);
  }

  /** All links and disks as the shape says, all processes up, all clocks right; nothing of the plan follows. */
  endAll(): void {
    this.#ended = true;
    this.#context.oldCopies.endAll();
    const { network, slots, watchers } = this.#cluster;
    watchers.clear();
    this.#context.cuts.clear();
    network.healAll();
    for (const layers of this.#links.values()) layers.clear();
    this.#context.network.clear();
    for (const layers of [...this.#disks.values(), ...this.#spaces.values()]) layers.clear();
    this.#context.frozen.clear();
    this.#context.paused.clear();
    this.#context.down.clear();
    for (const slot of slots) {
      slot.disk.thaw();
      slot.resume();
      slot.setClockRate(steadyRate);
      slot.crashAtCall(never);
      slot.supervised = true;
      slot.start();
    }
    this.#context.say(() => "all faults are over");
  }

  #later(delayMs: number, callback: () => void): void {
    this.#cluster.world.at(delayMs * 1000, () => {
      if (!this.#ended) callback();
    });
  }

  #createContext(): FaultContext {
    const { network, shape, world } = this.#cluster;
    const { losses } = this;
    const random = world.random("faults at work");
    const later = (delayMs: number, callback: () => void) => this.#later(delayMs, callback);
    const say = (text: () => string) => world.say("FAULT", text);
    const down = new Holds<Slot>(
      (slot) => {
        slot.supervised = false;
      },
      (slot) => {
        slot.supervised = true;
        slot.start();
      },
    );
    const administrator = new MembershipAdministrator({
      cluster: this.#cluster,
      random: world.random("administrator"),
      losses,
      down,
      isOver: () => this.#ended,
      say: (text) => world.say("ADMIN", text),
    });
    return {
      cluster: this.#cluster,
      random,
      later,
      say,
      down,
      administrator,
      operator: undefined,
      losses,
      oldCopies: new OldCopies({
        cluster: this.#cluster,
        losses,
        memory: this.#memory,
        replaceDisk: (slot) => {
          say(() => `${slot.name}: an empty disk takes the place of the old copy`);
          down.take(slot);
          slot.crash();
          slot.disk.wipe();
          down.letGo(slot);
        },
      }),
      paused: new Holds<Slot>(
        (slot) => slot.pause(),
        (slot) => slot.resume(),
      ),
      frozen: new Holds<Slot>(
        ({ disk }) => disk.freeze(),
        ({ disk }) => disk.thaw(),
      ),
      cuts: new Holds<string>(
        (key) => network.cut(...linkOfKey(key)),
        (key) => network.heal(...linkOfKey(key)),
      ),
      network: new Layers(shape.network, (weather) => network.setWeather(weather)),
      link: (from, to) =>
        layersOf(this.#links, `${from}>${to}`, undefined, (weather) =>
          network.setLinkWeather(from, to, weather),
        ),
      disk: (slot) => layersOf(this.#disks, slot, shape.disk, (weather) => slot.disk.setWeather(weather)),
      freeBytes: (slot) => layersOf(this.#spaces, slot, undefined, (bytes) => slot.disk.setFreeBytes(bytes)),
    };
  }
}

function layersOf<K, T>(all: Map<K, Layers<T>>, key: K, base: T, set: (value: T) => void): Layers<T> {
  let layers = all.get(key);
  if (layers === undefined) {
    layers = new Layers(base, set);
    all.set(key, layers);
  }
  return layers;
}
