import { SortedTable } from "./sorted-table.ts";

/** One put, or one removal when there is no value; no key: all of the table goes. */
export interface TableChange {
  readonly table: string;
  readonly key: Buffer | undefined;
  readonly value: Buffer | undefined;
}

interface Slot {
  table: SortedTable;
  /** A fork looks at it too: it is copied before it changes. */
  shared: boolean;
}

/** The tables of one data file, as of one commit. */
export class TableSet {
  readonly #slots = new Map<string, Slot>();
  /** Counts what changed it, for what is derived from it. */
  version = 0;

  names(): string[] {
    return [...this.#slots.keys()];
  }

  table(name: string): SortedTable | undefined {
    return this.#slots.get(name)?.table;
  }

  add(name: string, table = new SortedTable()): void {
    this.#slots.set(name, { table, shared: false });
    this.version += 1;
  }

  /** What is there now, for ever; costs nothing until one of the two changes. */
  fork(): TableSet {
    const fork = new TableSet();
    fork.version = this.version;
    for (const [name, slot] of this.#slots) {
      slot.shared = true;
      fork.#slots.set(name, { table: slot.table, shared: true });
    }
    return fork;
  }

  apply(changes: readonly TableChange[]): void {
    this.version += 1;
    for (const { table: name, key, value } of changes) {
      const table = this.#writable(name);
      if (key === undefined) table.clear();
      else if (value === undefined) table.remove(key);
      else table.put(key, value);
    }
  }

  #writable(name: string): SortedTable {
    const slot = this.#slots.get(name);
    if (slot === undefined) throw new Error(`no table ${name}`);
    if (slot.shared) {
      slot.table = slot.table.clone();
      slot.shared = false;
    }
    return slot.table;
  }
}
