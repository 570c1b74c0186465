import { FatalError } from "@rstore/replica/errors";
import type { FileCheck, Machine, TableEngine } from "@rstore/replica/storage/machine.types";
import type { Life } from "../cluster/types.ts";
import { ProcessIsOver } from "./disk-calls.ts";
import { FileSystemError } from "./folder-tree.ts";
import { SimFile } from "./sim-file.ts";
import { type FileSystemParts, SimFileSystem } from "./sim-file-system.ts";
import { SimTableEngine } from "./sim-table-engine.ts";
import { decodeTableFile, findHeadDamage } from "./table-file.ts";

/** Who holds a directory: a lock dies with the life that took it. */
export interface DirectoryLocks {
  holder: { readonly life: Life; readonly directory: string } | undefined;
}

/** What production storage asks of its machine, on the simulated disk, for one life. */
export class SimMachine implements Machine {
  readonly files: SimFileSystem;
  readonly #parts: FileSystemParts;
  readonly #locks: DirectoryLocks;

  constructor(parts: FileSystemParts, locks: DirectoryLocks) {
    this.#parts = parts;
    this.#locks = locks;
    this.files = new SimFileSystem(parts);
  }

  openTables(path: string, names: readonly string[]): TableEngine {
    const { state } = this.#parts;
    this.#enter();
    if (state.tree.find(path) === undefined) {
      state.tree.create(path, new SimFile());
      // The process may die between the file and what is in it.
      this.#enter();
    }
    const file = state.tree.file(path);
    if (file.damage !== undefined && !file.tables) throw new FileSystemError("EIO", file.damage);
    return new SimTableEngine({ ...this.#parts, path, file }, names);
  }

  checkDataFile(path: string, { walk }: { readonly walk: boolean }): FileCheck {
    const { state, changed } = this.#parts;
    this.#enter();
    if (state.tree.find(path) === undefined) return { kind: "missing" };
    const file = state.tree.file(path);
    if (state.takeFlushFault(state.partOf(path))) {
      file.flushFailed(file.beginFlush());
      throw new FileSystemError("EIO", "i/o error, fdatasync");
    }
    file.flushed();
    changed();
    state.checkRead(state.partOf(path));
    if (file.size === 0) return { kind: "empty" };
    const what = findDamage(file, walk);
    return what === undefined ? { kind: "good" } : { kind: "damaged", what };
  }

  lockDirectory(_file: string, directory: string): () => void {
    const { life } = this.#parts;
    this.#enter();
    const { holder } = this.#locks;
    if (holder !== undefined && !holder.life.isOver && holder.directory === directory) {
      throw new FatalError("directoryLocked", `the data directory ${directory} is in use by another process`);
    }
    const held = { life, directory };
    this.#locks.holder = held;
    return () => {
      if (this.#locks.holder === held) this.#locks.holder = undefined;
    };
  }

  #enter(): void {
    if (!this.#parts.enter()) throw new ProcessIsOver();
  }
}

function findDamage(file: SimFile, walk: boolean): string | undefined {
  if (file.damage !== undefined && walk) return file.damage;
  if (file.tables !== undefined) return undefined;
  const bytes = file.contents();
  if (!walk) return findHeadDamage(bytes);
  const found = decodeTableFile(bytes);
  return typeof found === "string" ? found : undefined;
}
