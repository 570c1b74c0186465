import type { Entry } from "@rstore/replica/raft/types";
import type { Life } from "../cluster/types.ts";
import type { Random } from "../world/random.ts";
import type { World } from "../world/world.ts";
import { CrashChoice } from "./crash-choice.ts";
import { DiskCalls } from "./disk-calls.ts";
import { DiskFaults } from "./disk-faults.ts";
import { DiskState, dataDirectory } from "./disk-state.ts";
import { DurableView } from "./durable-view.ts";
import { FolderTree } from "./folder-tree.ts";
import { type DirectoryLocks, SimMachine } from "./sim-machine.ts";
import type { DiskImage, DiskPart, DiskWeather, DurableLogState, SimDisk } from "./types.ts";

export interface SimDiskOptions {
  readonly world: World;
  /** Of the slot: `r0`, `r1`, … */
  readonly name: string;
  readonly weather: DiskWeather;
}

class Image implements DiskImage {
  readonly takenAtUs: number;
  readonly tree: FolderTree;

  constructor(takenAtUs: number, tree: FolderTree) {
    this.takenAtUs = takenAtUs;
    this.tree = tree;
  }
}

/** See {@link SimDisk}. */
export class SimulatedDisk implements SimDisk {
  readonly directory = dataDirectory;
  onCall: (() => void) | undefined;
  onDurableLog: ((state: DurableLogState) => void) | undefined;
  tampered = 0;
  readonly #world: World;
  readonly #name: string;
  readonly #random: Random;
  readonly #faults = new DiskFaults();
  readonly #state: DiskState;
  readonly #calls: DiskCalls;
  readonly #durable: DurableView;
  readonly #locks: DirectoryLocks = { holder: undefined };
  #life: Life | undefined;
  #told: DurableLogState | undefined;

  constructor({ world, name, weather }: SimDiskOptions) {
    this.#world = world;
    this.#name = name;
    this.#random = world.random(`disk:${name}`);
    this.#state = new DiskState(this.#faults, (counter) => world.coverage.count(counter));
    const flushTakes = (durationUs: number): void => this.#faults.flushTakes(durationUs);
    this.#calls = new DiskCalls({ world, random: this.#random, flushTakes }, weather);
    this.#durable = new DurableView(this.#state);
  }

  machine(life: Life): SimMachine {
    if (this.#life !== life) {
      this.#life = life;
      this.#faults.begin();
    }
    const parts = {
      life,
      calls: this.#calls,
      state: this.#state,
      enter: () => {
        if (!life.isOver) this.onCall?.();
        return !life.isOver;
      },
      changed: () => this.#tell(),
    };
    return new SimMachine(parts, this.#locks);
  }

  crash(): void {
    const choice = new CrashChoice(this.#random);
    const { flushesKept, flushesLost } = this.#calls.crash(choice);
    this.#world.coverage.count("disk.commit-lost", flushesLost);
    this.#locks.holder = undefined;
    this.#say(() => `crash: ${flushesKept} of ${flushesKept + flushesLost} flushes under way were done`);
    if (!choice.isProcessOnly || this.#state.hasBrokenFile) this.#losePower(choice);
    this.#tell();
  }

  #losePower(choice: CrashChoice): void {
    const { coverage } = this.#world;
    this.#state.hasBrokenFile = false;
    const { kept, lost } = this.#state.tree.crash(choice);
    let torn = 0;
    for (const file of this.#state.tree.durableFiles()) if (file.crash(choice) === "torn") torn += 1;
    coverage.count("disk.name-lost", lost.length);
    coverage.count("disk.file-torn", torn);
    if (torn > 0 || (kept > 0 && lost.length > 0)) coverage.count("disk.commit-torn");
    this.#say(() => `lost power: ${lost.length} of ${kept + lost.length} names lost, ${torn} files torn`);
  }

  /** Tells who asked what the log says, if it says something else than before. */
  #tell(): void {
    const state = this.durableLog();
    if (state === this.#told) return;
    this.#told = state;
    if (state !== undefined) this.onDurableLog?.(state);
  }

  durableLog(): DurableLogState | undefined {
    return this.#durable.log();
  }

  durableTerm(index: bigint): bigint | undefined {
    return this.durableEntry(index)?.term;
  }

  durableEntry(index: bigint): Entry | undefined {
    return this.#durable.entry(index);
  }

  durableApplied(): bigint {
    return this.#durable.applied() ?? 0n;
  }

  isStoreLost(): boolean {
    return this.#durable.applied() === undefined;
  }

  setWeather(weather: DiskWeather): void {
    this.#calls.weather = weather;
  }

  freeze(): void {
    this.#say(() => "freezes");
    this.#calls.freeze();
  }

  thaw(): void {
    if (this.#calls.isFrozen) this.#say(() => "thaws");
    this.#calls.thaw();
  }

  failNextFlush(part: DiskPart): void {
    this.#faults.failNextFlush(part);
  }

  failNextRead(part: DiskPart): void {
    this.#faults.failNextRead(part);
  }

  flipBit(part: DiskPart): boolean {
    const files = this.#state.filesOf(part);
    if (files.length === 0 || !this.#random.pick(files).flipBit(this.#random)) return false;
    this.#faults.flipped(part);
    this.tampered += 1;
    this.#world.coverage.count("disk.bit-flipped");
    this.#say(() => `a bit of ${part} flips`);
    this.#tell();
    return true;
  }

  setFreeBytes(bytes: number | undefined): void {
    this.#state.setFreeBytes(bytes);
  }

  wipe(): void {
    this.#replace(new FolderTree(), false);
    this.#world.coverage.count("disk.wiped");
    this.#say(() => "is wiped");
  }

  loseLog(): void {
    const tree = this.#state.tree.copyDurable();
    const folder = tree.folder(`${this.directory}/raft`);
    tree.remove(`${this.directory}/raft/data.mdb`);
    tree.settle(tree.capture(folder));
    this.#replace(tree, true);
    this.#say(() => "has lost its log");
  }

  copy(): DiskImage {
    return new Image(this.#world.nowUs, this.#state.tree.copyDurable());
  }

  restore(image: DiskImage): void {
    if (!(image instanceof Image)) throw new Error("an image that no disk made");
    // The image stays as it is, for the next time.
    this.#replace(image.tree.copyDurable(), true);
    this.#faults.restored();
    this.#world.coverage.count("disk.old-copy");
    this.#say(() => `is as it was at ${(image.takenAtUs / 1e6).toFixed(3)} s`);
  }

  #replace(tree: FolderTree, isOldCopy: boolean): void {
    if (this.#life !== undefined && !this.#life.isOver) throw new Error("a process runs on this disk");
    this.#state.tree = tree;
    this.#faults.forget({ isOldCopy });
    this.tampered += 1;
    this.#tell();
  }

  explains(reason: string): boolean {
    return this.#faults.explains(reason) || (reason === "diskFull" && this.#state.isLimited);
  }

  #say(text: () => string): void {
    this.#world.say(this.#name, () => `disk ${text()}`);
  }
}
