import { dirname } from "node:path";
import type { FatalError } from "../errors.ts";
import { measureSpace } from "./disk-space.ts";
import type { FatalGate } from "./fatal-gate.ts";
import { isDamage, isFull } from "./io-error.ts";
import type { EngineTable, EngineView, Machine, TableEngine } from "./machine.types.ts";
import type { StorageFaults, StorageUsage } from "./types.ts";

/** LMDB's own limit at 4 KiB pages; the empty key is refused as well. */
export const keyMaxBytes = 1978;

/**
 * lmdb-js makes a writer wait on the main thread beyond 300,000 operations under way; one transaction must
 * stay well below.
 */
export const transactionMaxOperations = 250_000;

/** A write that was cut short by a full disk arrives as EIO: with less than this free, that was it. */
const fullBelowBytes = 4 * 1024 ** 2;

/** `copy`: a snapshot file that is only looked at. */
export type EnvironmentName = "raft" | "store" | "copy";

export interface EnvironmentOptions {
  readonly name: EnvironmentName;
  readonly machine: Machine;
  readonly file: string;
  readonly tables: readonly string[];
  readonly commitDeadlineMs: number;
  readonly after: (delayMs: number, callback: () => void) => () => void;
  readonly gate: FatalGate;
  readonly faults: StorageFaults;
  /** Makes the error of a damaged file, and leaves word on the disk if the next start must know. */
  readonly damaged: (what: string, cause?: unknown) => FatalError;
}

/**
 * Tables of raw bytes in one file, changed by durable transactions only. A commit that is rejected, or that does
 * not settle within the deadline, is the end: nothing is retried, because after a failed fsync nobody can say
 * what is on the disk (B5).
 */
export class Environment {
  readonly options: EnvironmentOptions;
  readonly #engine: TableEngine;
  #committing: Promise<void> | undefined;
  #unsettled = false;
  #users = 0;
  #idle: (() => void) | undefined;

  /** Throws what the machine throws; the file must have been checked before, since opening trusts it. */
  constructor(options: EnvironmentOptions) {
    this.options = options;
    this.#engine = options.machine.openTables(options.file, options.tables);
  }

  table(name: string): EngineTable {
    return this.#engine.table(name);
  }

  /**
   * Queues what `write` puts and removes as one transaction; resolves when it is on disk. One at a time.
   * `write` must not throw: keys and sizes are checked before.
   */
  commit(write: () => void): Promise<void> {
    const { commitDeadlineMs, after, faults, gate, name } = this.options;
    if (gate.failure) return Promise.reject(gate.failure);
    return new Promise((resolve, reject) => {
      const cancel = after(commitDeadlineMs, () => {
        const seconds = commitDeadlineMs / 1000;
        reject(gate.raise("diskFailed", `a write to ${name}/ did not reach the disk within ${seconds} s`));
      });
      const settled = faults.beforeCommit
        ? faults.beforeCommit(name).then(() => this.#submit(write))
        : this.#submit(write);
      settled.then(
        () => {
          cancel();
          if (gate.failure) reject(gate.failure);
          else resolve();
        },
        (error: unknown) => {
          void this.#classify(error).then((failure) => {
            cancel();
            reject(failure);
          });
        },
      );
    });
  }

  #submit(write: () => void): Promise<void> {
    try {
      const batch = this.#engine.batch(write);
      this.#committing = batch;
      this.#unsettled = true;
      return batch.finally(() => {
        this.#unsettled = false;
      });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #classify(cause: unknown): Promise<FatalError> {
    const { name, gate } = this.options;
    if (isDamage(cause)) return this.options.damaged(`a write failed (${describe(cause)})`, cause);
    if (isFull(cause) || (hasCode(cause) && (await this.#hasNoSpace()))) {
      return gate.raise("diskFull", `the disk is full: a write to ${name}/ failed`, cause);
    }
    return gate.raise("diskFailed", `a write to ${name}/ failed: ${describe(cause)}`, cause);
  }

  async #hasNoSpace(): Promise<boolean> {
    const { file, machine, faults } = this.options;
    return measureSpace(machine.files, dirname(file), faults).then(
      ({ freeBytes }) => freeBytes < fullBelowBytes,
      () => false,
    );
  }

  /** Close it soon, and hold the environment with `use` meanwhile. */
  view(): EngineView {
    return this.#engine.view();
  }

  usage(): StorageUsage {
    return this.#engine.usage();
  }

  /** Writes a compacted copy of the newest commit to a file that must not exist. Not flushed. */
  async copyTo(file: string): Promise<void> {
    const release = this.use();
    try {
      await this.#engine.copyTo(file);
    } catch (error) {
      throw isDamage(error) ? this.options.damaged("it cannot be copied", error) : error;
    } finally {
      release();
    }
  }

  /** Keeps `close` waiting until the answer is called: views and copies must not outlive the mapping. */
  use(): () => void {
    this.#users++;
    let released = false;
    return () => {
      if (released) return;
      released = true;
      if (--this.#users === 0) this.#idle?.();
    };
  }

  /** Waits for the commit under way and for all users. Do not commit afterwards. */
  async close(): Promise<void> {
    // What froze may never settle; the process ends anyway.
    if (this.options.gate.failure && this.#unsettled) return;
    await this.#committing?.catch(() => undefined);
    if (this.#users > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    await this.#engine.close();
  }
}

/** The machine refused it, not one of the faults of a test. */
function hasCode(error: unknown): boolean {
  return (error as { code?: unknown }).code !== undefined;
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
