import type { Random } from "../world/random.ts";
import { ByteContent, type Fate } from "./byte-content.ts";
import type { CrashChoice } from "./crash-choice.ts";
import { decodeTableFile, encodeTableFile, tableFileBytes } from "./table-file.ts";
import { type TableChange, TableSet } from "./table-set.ts";

interface Tables {
  seen: TableSet;
  /** The same object as `seen`, unless a flush failed; undefined: the bytes below are what is durable. */
  durable: TableSet | undefined;
}

/** MDB_CORRUPTED, as LMDB says it. */
export class TableDamage extends Error {
  readonly code = -30796;
}

/**
 * A file: bytes, or tables that were opened in it. Tables are bytes to whoever reads them, and bytes become
 * tables when they are opened as such.
 */
export class SimFile {
  #bytes = new ByteContent();
  #tables: Tables | undefined;
  #encoded: { readonly of: TableSet; readonly version: number; readonly bytes: Buffer } | undefined;
  /** A page that is no page: found by a walk, and by whoever reads. */
  #damage: string | undefined;
  /** A flush failed: nothing reaches the disk any more, though it says so (B5). */
  #broken = false;

  get size(): number {
    return this.#tables ? tableFileBytes(this.#tables.seen) : this.#bytes.size;
  }

  get damage(): string | undefined {
    return this.#damage;
  }

  read(into: Uint8Array, length: number, position: number): number {
    if (!this.#tables) return this.#bytes.read(into, length, position);
    const part = this.contents().subarray(position, position + length);
    into.set(part);
    return part.byteLength;
  }

  /** Not the caller's. */
  contents(): Buffer {
    if (!this.#tables) return this.#bytes.seen();
    const { seen } = this.#tables;
    if (this.#encoded?.of !== seen || this.#encoded.version !== seen.version) {
      this.#encoded = { of: seen, version: seen.version, bytes: encodeTableFile(seen) };
    }
    return this.#encoded.bytes;
  }

  write(at: number, data: Uint8Array): void {
    this.#asBytes().write(at, data);
  }

  truncate(size: number): void {
    this.#asBytes().truncate(size);
  }

  /** Whatever writes bytes into tables gets what they are as bytes. */
  #asBytes(): ByteContent {
    const tables = this.#tables;
    if (tables) {
      const contents = this.contents();
      if (tables.durable) this.#bytes = ByteContent.durable(encodeTableFile(tables.durable));
      this.#tables = undefined;
      if (tables.seen !== tables.durable) {
        this.#bytes.truncate(0);
        this.#bytes.write(0, contents);
      }
    }
    return this.#bytes;
  }

  /** What a flush that begins now covers; for `flushed` or `flushFailed` at its end. */
  beginFlush(): ReadonlySet<unknown> {
    return this.#bytes.capture();
  }

  flushed(captured: ReadonlySet<unknown> = this.beginFlush()): void {
    if (this.#broken) this.#bytes.abandon(captured);
    else if (this.#tables) this.#tables.durable = this.#tables.seen;
    else this.#bytes.settle(captured);
  }

  flushFailed(captured: ReadonlySet<unknown>): void {
    this.#broken = true;
    this.#bytes.abandon(captured);
    if (this.#tables?.durable) this.#tables.durable = this.#tables.seen.fork();
  }

  /**
   * Throws TableDamage. In a file without bytes the tables are made, durably, as LMDB does it before it
   * answers; its first write of two pages, which could be torn, is taken for atomic.
   */
  openTables(names: readonly string[]): TableSet {
    if (!this.#tables) {
      const found = this.#bytes.size === 0 ? new TableSet() : decodeTableFile(this.#bytes.seen());
      if (typeof found === "string") throw new TableDamage(found);
      const isDurable = this.#bytes.size === 0 || this.#bytes.isFlushed;
      this.#tables = { seen: found, durable: isDurable ? found : undefined };
    }
    const { seen } = this.#tables;
    for (const name of names) if (!seen.table(name)) seen.add(name);
    return seen;
  }

  /** One transaction, durable at once unless the file is broken. */
  commit(changes: readonly TableChange[]): void {
    const tables = this.#tables;
    if (!tables) throw new Error("a commit to a file that holds no tables");
    tables.seen.apply(changes);
    if (!this.#broken) tables.durable = tables.seen;
  }

  /** The tables that the process sees; undefined: it is not open as tables. */
  get tables(): TableSet | undefined {
    return this.#tables?.seen;
  }

  /** What would be found in it after a crash that keeps nothing; undefined: no tables. */
  durableTables(): TableSet | undefined {
    if (this.#tables?.durable) return this.#tables.durable;
    const bytes = this.#bytes.durable();
    const found = bytes.byteLength === 0 ? undefined : decodeTableFile(bytes);
    return found instanceof TableSet ? found : undefined;
  }

  crash(choice: CrashChoice): Fate {
    const tables = this.#tables;
    const broken = this.#broken;
    this.#broken = false;
    if (tables?.durable) {
      this.#tables = { seen: tables.durable, durable: tables.durable };
      return "clean";
    }
    if (tables && !broken) this.#asBytes();
    this.#tables = undefined;
    return this.#bytes.crash(choice);
  }

  /** A file that holds these tables and was not flushed. */
  static unflushed(tables: TableSet): SimFile {
    const file = new SimFile();
    file.#tables = { seen: tables, durable: undefined };
    return file;
  }

  /** What is durable, as a file of its own. */
  copyDurable(): SimFile {
    const copy = new SimFile();
    copy.#damage = this.#damage;
    const durable = this.#tables?.durable?.fork();
    if (durable) copy.#tables = { seen: durable, durable };
    else copy.#bytes = this.#bytes.copyDurable();
    return copy;
  }

  /** Changes one bit of what is durable. False: there is nothing in it. */
  flipBit(random: Random): boolean {
    const tables = this.#tables?.durable;
    if (!tables) {
      const { size } = this.#bytes;
      if (size > 0) this.#bytes.flipBit(random.between(0, size - 1), random.between(0, 7));
      return size > 0;
    }
    const names = tables.names().filter((name) => tables.table(name)!.size > 0);
    if (names.length === 0) return false;
    if (random.chance(0.1)) {
      this.#damage = "a page of the data file is not one";
      return true;
    }
    const name = random.pick(names);
    const table = tables.table(name)!;
    const [key, value] = table.at(random.between(0, table.size - 1))!;
    if (value.byteLength === 0) return false;
    const flipped = Buffer.from(value);
    flipped[random.between(0, value.byteLength - 1)]! ^= 1 << random.between(0, 7);
    tables.apply([{ table: name, key, value: flipped }]);
    return true;
  }
}
