import type { Budget } from "../../plan/observation.ts";
import type { RestartSlot } from "../../plan/step.ts";
import { claimUid, deleteClaim, makeClaim } from "./claim.ts";
import { type KeeperFile, writeKeeperFile } from "./keeper-file.ts";
import { ReplicaProcess } from "./replica-process.ts";
import { type SlotAddress, slotAddress, slotsMax } from "./slot-address.ts";
import type { Template } from "./template.ts";

/** Longer than a replica gives itself. */
const stopDeadlineMs = 25_000;

export interface ReplicaSetOptions {
  /** Of the store. */
  readonly folder: string;
  readonly keeper: KeeperFile;
  readonly template: Template;
  readonly launcher: string;
  readonly logLevel: string;
  readonly onLine: (address: SlotAddress, line: string) => void;
  readonly onNote: (address: SlotAddress, text: string) => void;
}

/**
 * Keeps a process on a data directory in each slot below `kept`, as a StatefulSet keeps pods with volumes: it
 * knows nothing of members, and decides nothing about them.
 */
export class ReplicaSet {
  readonly #options: ReplicaSetOptions;
  readonly #processes = new Map<number, ReplicaProcess>();
  #keeper: KeeperFile;
  #template: Template;
  #budget: Budget | undefined;
  #ending = false;

  constructor(options: ReplicaSetOptions) {
    this.#options = options;
    this.#keeper = options.keeper;
    this.#template = options.template;
  }

  get kept(): number {
    return this.#keeper.kept;
  }

  get templateHash(): string {
    return this.#template.hash;
  }

  /** Not kept between runs: it is about processes, and those all end with a run. */
  get budget(): Budget | undefined {
    return this.#budget;
  }

  setBudget(budget: Budget): void {
    this.#budget = budget;
  }

  /** Kept, running, or with a data directory; ascending. */
  slots(): number[] {
    const all = Array.from({ length: slotsMax }, (_, slot) => slot);
    return all.filter(
      (slot) => slot < this.kept || this.#processes.has(slot) || this.claim(slot) !== undefined,
    );
  }

  address(slot: number): SlotAddress {
    return slotAddress(slot, this.#keeper, this.#options.folder);
  }

  process(slot: number): ReplicaProcess | undefined {
    return this.#processes.get(slot);
  }

  /** Of the slot's data directory; undefined: there is none, or another one than its process was made for. */
  claim(slot: number): string | undefined {
    const uid = claimUid(this.address(slot).dataDir);
    const process = this.#processes.get(slot);
    return process === undefined || process.claimUid === uid ? uid : undefined;
  }

  /** Makes what is missing in the slots that are kept: directories and processes. */
  tend(): void {
    if (this.#ending) return;
    for (let slot = 0; slot < this.kept; slot++) {
      if (!this.#processes.has(slot)) this.#start(slot);
    }
  }

  /** On disk when it returns. */
  keepThrough(slot: number): void {
    if (slot >= this.kept) this.#keep(slot + 1);
    this.tend();
  }

  /** The processes are told to end; directories stay. */
  keepBelow(slot: number): void {
    if (slot < this.kept) this.#keep(slot);
    for (const [index, process] of this.#processes) {
      if (index >= this.kept) void process.stop(stopDeadlineMs);
    }
  }

  /** What is made from now on is made from it. */
  useTemplate(template: Template): void {
    this.#template = template;
  }

  /** Ends this very process; another is made when it has ended. */
  restart(slot: number, uid: string, how: RestartSlot["how"]): void {
    const process = this.#processes.get(slot);
    if (process?.uid !== uid) return;
    if (how === "force") process.kill();
    else void process.stop(stopDeadlineMs);
  }

  deleteClaim(slot: number, uid: string): void {
    deleteClaim(this.address(slot).dataDir, uid);
  }

  /** Ends all in order and waits for them. */
  async stop(): Promise<void> {
    this.#ending = true;
    await Promise.all([...this.#processes.values()].map((process) => process.stop(stopDeadlineMs)));
  }

  /** Ends all at once. */
  kill(): void {
    this.#ending = true;
    for (const process of this.#processes.values()) process.kill();
  }

  #keep(kept: number): void {
    const keeper = { ...this.#keeper, kept };
    writeKeeperFile(this.#options.folder, keeper);
    this.#keeper = keeper;
  }

  #start(slot: number): void {
    const { launcher, logLevel, onLine, onNote } = this.#options;
    const address = this.address(slot);
    const process = new ReplicaProcess({
      address,
      claimUid: makeClaim(address.dataDir),
      template: this.#template,
      logLevel,
      launcher,
      events: {
        onLine: (line) => onLine(address, line),
        onNote: (text) => onNote(address, text),
        onStopped: () => {
          if (this.#processes.get(slot) === process) this.#processes.delete(slot);
          onNote(address, "has ended");
        },
      },
    });
    this.#processes.set(slot, process);
  }
}
