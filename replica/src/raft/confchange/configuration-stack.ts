import { assert } from "../../assert.ts";
import type { IndexedConfiguration } from "../types.ts";

/**
 * The configurations that the log may still fall back to: the last committed one and all above the commit
 * index. The newest is in force (dissertation §4.1). Truncation takes from the top, commit from the bottom.
 */
export class ConfigurationStack {
  #stack: IndexedConfiguration[];

  constructor(committed: IndexedConfiguration) {
    this.#stack = [committed];
  }

  /** The configuration that counts now. */
  get inForce(): IndexedConfiguration {
    return this.#stack[this.#stack.length - 1]!;
  }

  /** The newest that is committed; it is never rolled back. */
  get committed(): IndexedConfiguration {
    return this.#stack[0]!;
  }

  /** All of them, oldest first. */
  get all(): readonly IndexedConfiguration[] {
    return this.#stack;
  }

  isInForceCommitted(): boolean {
    return this.#stack.length === 1;
  }

  push(configuration: IndexedConfiguration): void {
    assert(configuration.index > this.inForce.index, "configurations are appended in order");
    this.#stack.push(configuration);
  }

  /** Entries from `index` on are gone. Returns whether another configuration is in force now. */
  truncateFrom(index: bigint): boolean {
    const before = this.#stack.length;
    while (this.#stack.length > 1 && this.inForce.index >= index) this.#stack.pop();
    assert(this.inForce.index < index, "a committed configuration is never rolled back");
    return this.#stack.length < before;
  }

  /** Returns the configuration that the newest committed one took the place of, if that changed. */
  commitTo(index: bigint): IndexedConfiguration | undefined {
    let replaced: IndexedConfiguration | undefined;
    while (this.#stack.length > 1 && this.#stack[1]!.index <= index) replaced = this.#stack.shift();
    return replaced;
  }

  /** A snapshot replaces everything. */
  restore(configuration: IndexedConfiguration): void {
    this.#stack = [configuration];
  }
}
