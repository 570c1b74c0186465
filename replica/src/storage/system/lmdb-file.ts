import { closeSync, fdatasyncSync, fstatSync, openSync, readSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import type { FileCheck } from "../machine.types.ts";
import { findTreeDamage, type PageFile, type TreeRoot } from "./lmdb-tree.ts";

/*
 * Reading an LMDB data file without mapping it. LMDB trusts what it maps: a file that lacks pages ends the
 * process with SIGBUS, and a page that is no page can end it in any way. Layout as in liblmdb of lmdb-js 3.5
 * (mdb.c: MDB_page_header, MDB_meta, MDB_db), 64-bit little-endian.
 */

const magic = 0xbeefc0de;
const dataVersion = 2;
const headerBytes = 24;
const metaBytes = headerBytes + 144;
/** Pages read before other work has its turn. */
const PAGES_AT_ONCE = 64;
/** MDB_meta: magic, version, address, map size; then the trees of free pages and of names. */
const freeTreeAt = headerBytes + 24;
const mainTreeAt = freeTreeAt + 48;

interface MetaPage {
  readonly pageBytes: number;
  readonly lastPage: bigint;
  readonly transaction: bigint;
  readonly trees: readonly TreeRoot[];
}

function decodeMeta(bytes: Buffer): MetaPage | undefined {
  if (bytes.byteLength < metaBytes || bytes.readUInt32LE(headerBytes) !== magic) return undefined;
  if ((bytes.readUInt32LE(headerBytes + 4) & 0xffff) !== dataVersion) return undefined;
  const pageBytes = bytes.readUInt32LE(freeTreeAt);
  const isPowerOfTwo = (pageBytes & (pageBytes - 1)) === 0;
  if (pageBytes < 512 || pageBytes > 65536 || !isPowerOfTwo) return undefined;
  const tree = (at: number): TreeRoot => ({
    depth: bytes.readUInt16LE(at + 6),
    root: bytes.readBigUInt64LE(at + 40),
    bytewise: at === mainTreeAt,
  });
  return {
    pageBytes,
    lastPage: bytes.readBigUInt64LE(mainTreeAt + 48),
    transaction: bytes.readBigUInt64LE(mainTreeAt + 56),
    trees: [tree(freeTreeAt), tree(mainTreeAt)],
  };
}

function readAt(file: number, position: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  return bytes.subarray(0, readSync(file, bytes, 0, size, position));
}

function newestMeta(file: number): MetaPage | undefined {
  const first = decodeMeta(readAt(file, 0, metaBytes));
  // Either may be the newer one, so both must be whole.
  const second = first && decodeMeta(readAt(file, first.pageBytes, metaBytes));
  if (!first || !second) return undefined;
  return first.transaction > second.transaction ? first : second;
}

/**
 * Flushes a data file, so that what is found is durable before anything relies on it, and checks it before it
 * is mapped. A file may rightly be shorter than its meta page says, when its last pages are free: then, or
 * when `walk` asks for it, all trees are walked for pages that are missing or damaged, while probes are answered.
 */
export async function checkDataFile(path: string, options: { readonly walk: boolean }): Promise<FileCheck> {
  let file: number;
  try {
    file = openSync(path, "r+");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { kind: "missing" };
    throw error;
  }
  try {
    fdatasyncSync(file);
    const { size } = fstatSync(file);
    if (size === 0) return { kind: "empty" };
    const meta = newestMeta(file);
    if (!meta) return { kind: "damaged", what: "a meta page of the data file is not one" };
    const short = size < Number(meta.lastPage + 1n) * meta.pageBytes;
    if (!short && !options.walk) return { kind: "good" };
    const what = await inSteps(findTreeDamage(pagesOf(file, size, meta), meta.trees));
    return what === undefined ? { kind: "good" } : { kind: "damaged", what };
  } finally {
    closeSync(file);
  }
}

async function inSteps<T>(walk: Generator<undefined, T>): Promise<T> {
  for (let pages = 1; ; pages++) {
    const step = walk.next();
    if (step.done) return step.value;
    if (pages % PAGES_AT_ONCE === 0) await setImmediate();
  }
}

function pagesOf(file: number, size: number, { pageBytes, lastPage }: MetaPage): PageFile {
  const present = BigInt(Math.floor(size / pageBytes));
  const isAllocated = (page: bigint, count: bigint): boolean => page + count <= lastPage + 1n;
  return {
    pageBytes,
    isAllocated,
    has: (page, count) => isAllocated(page, count) && page + count <= present,
    read: (page) => readAt(file, Number(page) * pageBytes, pageBytes),
  };
}
