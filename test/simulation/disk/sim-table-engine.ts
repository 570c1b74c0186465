import type {
  EngineRange,
  EngineTable,
  EngineView,
  TableEngine,
} from "@rstore/replica/storage/machine.types";
import type { Life } from "../cluster/types.ts";
import { type DiskCalls, never } from "./disk-calls.ts";
import type { DiskState } from "./disk-state.ts";
import { SimFile, TableDamage } from "./sim-file.ts";
import type { TableChange, TableSet } from "./table-set.ts";

const pageBytes = 4096;

/** What moving a MiB to the disk takes. */
const transferUsPerMiB = 1000;

/** EIO and ENOSPC, as LMDB says them: errno. */
class EngineError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

const ioError = (): EngineError => new EngineError(5, "Input/output error");
const noSpace = (): EngineError => new EngineError(28, "No space left on device");

export interface EngineParts {
  readonly life: Life;
  readonly calls: DiskCalls;
  readonly state: DiskState;
  /** Before each call; false: the process is over. */
  readonly enter: () => boolean;
  /** After what is durable has changed. */
  readonly changed: () => void;
  readonly path: string;
  readonly file: SimFile;
}

/** Tables in a file of the simulated disk, with what LMDB promises: atomic, durable, one commit at a time. */
export class SimTableEngine implements TableEngine {
  readonly #parts: EngineParts;
  readonly #tables: TableSet;
  readonly #names: readonly string[];
  #writing: TableChange[] | undefined;
  #committing = false;
  #views = 0;
  #highestBytes = 0;

  constructor(parts: EngineParts, names: readonly string[]) {
    this.#parts = parts;
    this.#names = names;
    this.#tables = parts.file.openTables(names);
  }

  table(name: string): EngineTable {
    if (!this.#names.includes(name)) throw new Error(`no table ${name}`);
    return new SimEngineTable(this, name);
  }

  /** Where reads go; throws for what is damaged. */
  tables(view: EngineView | undefined): TableSet {
    const { state, file, path } = this.#parts;
    if (file.damage !== undefined) throw new TableDamage(file.damage);
    if (state.faults.hasReads) state.checkRead(state.partOfTables(file, path));
    return view === undefined ? this.#tables : (view as SimView).tables;
  }

  change(change: TableChange): void {
    if (this.#writing === undefined) throw new Error("a put or a remove outside of a batch");
    this.#writing.push(change);
  }

  batch(write: () => void): Promise<void> {
    const { life, calls, state, file, path, enter } = this.#parts;
    if (!enter()) return never;
    if (this.#committing) throw new Error("two batches at a time");
    const changes: TableChange[] = [];
    this.#writing = changes;
    write();
    this.#writing = undefined;
    this.#committing = true;
    const captured = file.beginFlush();
    const commit = (): void => {
      this.#committing = false;
      if (state.takeFlushFault(state.partOfTables(file, path))) {
        file.flushFailed(captured);
        throw ioError();
      }
      this.#commit(changes);
    };
    return calls.flush(life, commit, transferUs(bytesOf(changes)));
  }

  #commit(changes: readonly TableChange[]): void {
    const { file, state, changed } = this.#parts;
    const bytes = bytesOf(changes) + pageBytes;
    // A write that a full disk cut short arrives as EIO.
    if (state.room(bytes) < bytes) throw state.space().freeBytes > 0 ? ioError() : noSpace();
    file.commit(changes);
    this.#highestBytes = Math.max(this.#highestBytes, file.size);
    changed();
  }

  view(): EngineView {
    this.#views += 1;
    return new SimView(this.#tables.fork(), () => {
      this.#views -= 1;
    });
  }

  usage(): { usedBytes: number; fileBytes: number } {
    const { size } = this.#parts.file;
    const pages = (bytes: number): number => pageBytes * (2 + Math.ceil(bytes / pageBytes));
    return { usedBytes: pages(size), fileBytes: pages(Math.max(size, this.#highestBytes)) };
  }

  copyTo(path: string): Promise<void> {
    const { life, calls, state, file, enter } = this.#parts;
    if (!enter()) return never;
    const fork = this.#tables.fork();
    const { size } = file;
    const copy = (): void => {
      if (file.damage !== undefined) throw new TableDamage(file.damage);
      if (state.room(size) < size) throw noSpace();
      state.tree.create(path, SimFile.unflushed(fork));
    };
    return calls.flush(life, copy, transferUs(size));
  }

  close(): Promise<void> {
    const { life, calls, enter } = this.#parts;
    if (!enter()) return never;
    return calls.call(life, () => {
      if (this.#committing) throw new Error("tables were closed while a commit was under way");
      if (this.#views > 0) throw new Error("tables were closed while a view was open");
    });
  }
}

class SimView implements EngineView {
  readonly tables: TableSet;
  readonly #closed: () => void;
  #open = true;

  constructor(tables: TableSet, closed: () => void) {
    this.tables = tables;
    this.#closed = closed;
  }

  close(): void {
    if (this.#open) this.#closed();
    this.#open = false;
  }
}

class SimEngineTable implements EngineTable {
  readonly #engine: SimTableEngine;
  readonly #name: string;

  constructor(engine: SimTableEngine, name: string) {
    this.#engine = engine;
    this.#name = name;
  }

  get entryCount(): number {
    return this.#engine.tables(undefined).table(this.#name)!.size;
  }

  get(key: Uint8Array, view?: EngineView): Buffer | undefined {
    const value = this.#engine.tables(view).table(this.#name)!.get(key);
    return value && Buffer.from(value);
  }

  range(range: EngineRange, view?: EngineView): IterableIterator<readonly [Buffer, Buffer]> {
    return this.#engine.tables(view).table(this.#name)!.range(range);
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#engine.change({ table: this.#name, key: Buffer.from(key), value: Buffer.from(value) });
  }

  remove(key: Uint8Array): void {
    this.#engine.change({ table: this.#name, key: Buffer.from(key), value: undefined });
  }

  clear(): void {
    this.#engine.change({ table: this.#name, key: undefined, value: undefined });
  }
}

export function transferUs(bytes: number): number {
  return Math.floor((bytes * transferUsPerMiB) / 1024 ** 2);
}

function bytesOf(changes: readonly TableChange[]): number {
  let bytes = 0;
  for (const { key, value } of changes) bytes += (key?.byteLength ?? 0) + (value?.byteLength ?? 0);
  return bytes;
}
