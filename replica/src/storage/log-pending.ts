import { assert } from "../assert.ts";
import type { Entry, HardState } from "../raft/types.ts";
import type { BaseConfiguration } from "./log-state.ts";
import type { LogAppend, StorageIdentity } from "./types.ts";

export interface LogPoint {
  readonly index: bigint;
  readonly term: bigint;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * What gathered for the next transaction of `raft/`. Merged as if each step had been written by itself: a
 * reset first, then the entries that were not overwritten since.
 */
export class PendingWrite {
  hardState: HardState | undefined;
  identity: StorageIdentity | undefined;
  baseConfiguration: BaseConfiguration | undefined;
  resetTo: LogPoint | undefined;
  /** Contiguous; takes the place of the log from the first of them on. */
  entries: Entry[] = [];
  readonly waiters: Waiter[] = [];

  get empty(): boolean {
    return this.waiters.length === 0;
  }

  append({ hardState, entries }: LogAppend): void {
    if (hardState) this.hardState = hardState;
    const first = entries[0];
    if (!first) return;
    const held = this.entries[0];
    if (!held || first.index <= held.index) {
      this.entries = [...entries];
      return;
    }
    const keep = Number(first.index - held.index);
    assert(keep <= this.entries.length, `a gap in what is appended before index ${first.index}`);
    this.entries.length = keep;
    for (const entry of entries) this.entries.push(entry);
  }

  reset(point: LogPoint): void {
    this.resetTo = point;
    this.entries = [];
  }

  settle(error?: unknown): void {
    for (const waiter of this.waiters) {
      if (error === undefined) waiter.resolve();
      else waiter.reject(error);
    }
  }
}
