import type { CrashChoice } from "./crash-choice.ts";
import { SimFile } from "./sim-file.ts";

export type Node = SimFile | SimFolder;

export class SimFolder {
  readonly seen = new Map<string, Node>();
  readonly durable = new Map<string, Node>();
}

interface NameChange {
  readonly folder: SimFolder;
  readonly name: string;
  readonly node: Node | undefined;
}

/** Happens whole or not at all. */
export interface NameOperation {
  readonly kind: "create" | "rename" | "remove";
  readonly changes: readonly NameChange[];
}

/** Errors as those of node:fs: `code`. */
export class FileSystemError extends Error {
  readonly code: string;

  constructor(code: string, what: string) {
    super(`${code}: ${what}`);
    this.code = code;
  }
}

/**
 * Folders and the names in them, of which those count after a crash that their folder's flush covered. What
 * was not flushed may come in any order (B9), but of what touches one name the earlier comes first.
 */
export class FolderTree {
  readonly root = new SimFolder();
  /** Counts the changes of names that are durable, for what is derived from them. */
  durableVersion = 0;
  #pending: NameOperation[] = [];

  /** undefined: it is not there. */
  find(path: string): Node | undefined {
    return walk(this.root, path, (folder) => folder.seen);
  }

  findDurable(path: string): Node | undefined {
    return walk(this.root, path, (folder) => folder.durable);
  }

  folder(path: string): SimFolder {
    const node = this.find(path);
    if (node === undefined) throw new FileSystemError("ENOENT", `no such file or directory, '${path}'`);
    if (node instanceof SimFile) throw new FileSystemError("ENOTDIR", `not a directory, '${path}'`);
    return node;
  }

  file(path: string): SimFile {
    const node = this.find(path);
    if (node === undefined) throw new FileSystemError("ENOENT", `no such file or directory, '${path}'`);
    if (node instanceof SimFolder)
      throw new FileSystemError("EISDIR", `illegal operation on a directory, '${path}'`);
    return node;
  }

  create(path: string, node: Node): void {
    const { folder, name } = this.#place(path);
    if (folder.seen.has(name)) throw new FileSystemError("EEXIST", `file already exists, '${path}'`);
    this.#change({ kind: "create", changes: [{ folder, name, node }] });
  }

  rename(from: string, to: string): void {
    const source = this.#place(from);
    const target = this.#place(to);
    const node = source.folder.seen.get(source.name);
    if (node === undefined)
      throw new FileSystemError("ENOENT", `no such file or directory, rename '${from}'`);
    const there = target.folder.seen.get(target.name);
    if (there instanceof SimFolder && there.seen.size > 0) {
      throw new FileSystemError("ENOTEMPTY", `directory not empty, rename '${from}' -> '${to}'`);
    }
    this.#change({
      kind: "rename",
      changes: [
        { ...source, node: undefined },
        { ...target, node },
      ],
    });
  }

  /** With all that is in it; nothing when it is not there. */
  remove(path: string): void {
    const node = this.find(path);
    if (node === undefined) return;
    if (node instanceof SimFolder) for (const name of [...node.seen.keys()]) this.remove(`${path}/${name}`);
    const { folder, name } = this.#place(path);
    this.#change({ kind: "remove", changes: [{ folder, name, node: undefined }] });
  }

  #place(path: string): { folder: SimFolder; name: string } {
    const cut = path.lastIndexOf("/");
    return { folder: this.folder(path.slice(0, cut) || "/"), name: path.slice(cut + 1) };
  }

  #change(operation: NameOperation): void {
    for (const { folder, name, node } of operation.changes) set(folder.seen, name, node);
    this.#pending.push(operation);
  }

  /** What a flush of this folder covers, begun now; for `settle` at its end. */
  capture(folder: SimFolder): ReadonlySet<NameOperation> {
    const captured = new Set<NameOperation>();
    for (let i = this.#pending.length - 1; i >= 0; i -= 1) {
      const operation = this.#pending[i]!;
      const covers = operation.changes.some((change) => change.folder === folder);
      const precedes = () => [...captured].some((later) => shareName(operation, later));
      if (covers || precedes()) captured.add(operation);
    }
    return captured;
  }

  settle(captured: ReadonlySet<NameOperation>): void {
    this.durableVersion += 1;
    for (const operation of this.#pending) if (captured.has(operation)) makeDurable(operation);
    this.#pending = this.#pending.filter((operation) => !captured.has(operation));
  }

  /** Only the names that are durable, and those that the crash chose to keep, are there from here on. */
  crash(choice: CrashChoice): { readonly kept: number; readonly lost: readonly NameOperation[] } {
    this.durableVersion += 1;
    const lost: NameOperation[] = [];
    const pending = this.#pending;
    this.#pending = [];
    for (const operation of pending) {
      const possible = !lost.some((earlier) => shareName(earlier, operation));
      if (possible && choice.keeps()) makeDurable(operation);
      else lost.push(operation);
    }
    for (const folder of this.#durableFolders()) {
      folder.seen.clear();
      for (const [name, node] of folder.durable) folder.seen.set(name, node);
    }
    return { kept: pending.length - lost.length, lost };
  }

  /** All files that a start after a crash would find. */
  durableFiles(): SimFile[] {
    const files = new Set<SimFile>();
    for (const folder of this.#durableFolders()) {
      for (const node of folder.durable.values()) if (node instanceof SimFile) files.add(node);
    }
    return [...files];
  }

  /** Bytes of all files that have a name. */
  usedBytes(folder = this.root): number {
    let bytes = 0;
    for (const node of folder.seen.values())
      bytes += node instanceof SimFile ? node.size : this.usedBytes(node);
    return bytes;
  }

  *#durableFolders(folder = this.root): IterableIterator<SimFolder> {
    yield folder;
    for (const node of folder.durable.values()) {
      if (node instanceof SimFolder) yield* this.#durableFolders(node);
    }
  }

  /** What is durable, as a tree of its own. */
  copyDurable(): FolderTree {
    const copy = new FolderTree();
    copyInto(copy.root, this.root);
    return copy;
  }
}

function copyInto(target: SimFolder, source: SimFolder): void {
  for (const [name, node] of source.durable) {
    const copy = node instanceof SimFile ? node.copyDurable() : new SimFolder();
    if (copy instanceof SimFolder) copyInto(copy, node as SimFolder);
    target.seen.set(name, copy);
    target.durable.set(name, copy);
  }
}

function walk(
  root: SimFolder,
  path: string,
  names: (folder: SimFolder) => Map<string, Node>,
): Node | undefined {
  let node: Node | undefined = root;
  for (const name of path.split("/")) {
    if (name === "") continue;
    node = node instanceof SimFolder ? names(node).get(name) : undefined;
    if (node === undefined) return undefined;
  }
  return node;
}

function set(names: Map<string, Node>, name: string, node: Node | undefined): void {
  if (node === undefined) names.delete(name);
  else names.set(name, node);
}

function makeDurable({ changes }: NameOperation): void {
  for (const { folder, name, node } of changes) set(folder.durable, name, node);
}

function shareName(a: NameOperation, b: NameOperation): boolean {
  return a.changes.some((one) =>
    b.changes.some((other) => one.folder === other.folder && one.name === other.name),
  );
}
