/** A tree of LMDB as its record names it (MDB_db). */
export interface TreeRoot {
  /** P_INVALID (all ones) when the tree is empty. */
  readonly root: bigint;
  /** Pages from the root to a leaf, both counted. */
  readonly depth: number;
  /** Keys ascend bytewise; those of the free pages are integers of this machine. */
  readonly bytewise: boolean;
}

export interface PageFile {
  readonly pageBytes: number;
  /** These pages are in the file and were given out. */
  has(page: bigint, count: bigint): boolean;
  /** These pages were given out once; free ones at the end may be missing from the file. */
  isAllocated(page: bigint, count: bigint): boolean;
  read(page: bigint): Buffer;
}

const noPage = 0xffffffffffffffffn;
const headerBytes = 24;
const nodeHeaderBytes = 8;
const branchFlag = 0x01;
const leafFlag = 0x02;
const bigDataFlag = 0x01;
const subTreeFlag = 0x02;
const overflowRecordBytes = 24;
const treeRecordBytes = 48;

interface Node {
  readonly low: number;
  readonly high: number;
  readonly flags: number;
  readonly key: Buffer;
  readonly data: Buffer;
}

class TreeDamage extends Error {}

interface OpenPage {
  readonly page: bigint;
  readonly depth: number;
  readonly bytewise: boolean;
}

/**
 * Walks B+trees page by page (mdb.c: MDB_page_header, MDB_node) and says what is wrong with the first page
 * that is missing, in the wrong place or not what its parent says; undefined when there is none. The tree of
 * free pages comes first: a page that it lists and another tree uses would be written over. What overflow
 * pages hold is not read: records have their own checksums. Gives way after each page: a large file takes
 * minutes on a slow disk.
 */
export function* findTreeDamage(
  file: PageFile,
  roots: readonly TreeRoot[],
): Generator<undefined, string | undefined> {
  const pages = new PageMap(file);
  const freeLists: Buffer[] = [];
  const open: OpenPage[] = [];
  const enter = ({ root, depth, bytewise }: TreeRoot): void => {
    if (root !== noPage) open.push({ page: root, depth, bytewise });
  };
  try {
    roots.forEach(enter);
    for (let next = open.pop(); next; next = open.pop()) {
      const { page, depth, bytewise } = next;
      pages.use(page, 1n);
      yield;
      for (const node of readNodes(file, next)) {
        if (depth > 1) open.push({ ...next, page: childOf(node), depth: depth - 1 });
        else if (node.flags & subTreeFlag) enter(subTreeOf(page, node, bytewise));
        else if (node.flags & bigDataFlag) pages.use(...overflowOf(node));
        if (depth === 1 && !bytewise) freeLists.push(contentsOf(file, node));
      }
    }
    for (const list of freeLists) checkFreeList(list, pages);
  } catch (error) {
    if (error instanceof TreeDamage) return error.message;
    throw error;
  }
  return undefined;
}

/** Which pages are in use, one bit each. */
class PageMap {
  readonly #file: PageFile;
  #bits = new Uint8Array(1024);

  constructor(file: PageFile) {
    this.#file = file;
  }

  use(first: bigint, count: bigint): void {
    if (first < 2n || count < 1n || !this.#file.has(first, count)) {
      throw new TreeDamage(`${count} pages from ${first} on are used and not in the data file`);
    }
    for (let page = Number(first); page < Number(first + count); page++) {
      if (this.#has(page)) throw new TreeDamage(`page ${page} is in two places`);
      if (page >> 3 >= this.#bits.length) this.#grow(page);
      this.#bits[page >> 3]! |= 1 << (page & 7);
    }
  }

  uses(first: bigint, count: bigint): boolean {
    for (let page = Number(first); page < Number(first + count); page++) if (this.#has(page)) return true;
    return false;
  }

  isAllocated(first: bigint, count: bigint): boolean {
    return this.#file.isAllocated(first, count);
  }

  #has(page: number): boolean {
    return ((this.#bits[page >> 3] ?? 0) & (1 << (page & 7))) !== 0;
  }

  #grow(page: number): void {
    const bits = new Uint8Array(Math.max(this.#bits.length * 2, (page >> 3) + 1));
    bits.set(this.#bits);
    this.#bits = bits;
  }
}

/** A count, then pages; a negative number is the length of a run, which begins at the page after it. */
function checkFreeList(list: Buffer, pages: PageMap): void {
  const entries = list.byteLength / 8 - 1;
  const length = entries < 0 ? -1n : list.readBigInt64LE(0);
  if (length < 0n || length > entries) throw new TreeDamage("a list of free pages has no valid length");
  for (let i = 1; i <= Number(length); i++) {
    const entry = list.readBigInt64LE(i * 8);
    if (entry === 0n) continue;
    const run = entry < 0n ? -entry : 1n;
    if (entry < 0n && ++i > Number(length)) throw new TreeDamage("a list of free pages ends in a run");
    const first = list.readBigInt64LE(i * 8);
    if (first < 2n || !pages.isAllocated(first, run))
      throw new TreeDamage(`page ${first} is free and was never used`);
    if (pages.uses(first, run)) throw new TreeDamage(`page ${first} is free and in use`);
  }
}

function readNodes(file: PageFile, at: OpenPage): Node[] {
  const { page, depth } = at;
  const bytes = file.read(page);
  const flags = bytes.readUInt16LE(18);
  const free = bytes.readUInt16LE(20);
  const wanted = depth > 1 ? branchFlag : leafFlag;
  if (bytes.readBigUInt64LE(0) !== page || (flags & 0xff) !== wanted || depth < 1) {
    throw new TreeDamage(`page ${page} is not the page that it should be`);
  }
  const count = free >> 1;
  if (headerBytes + free > file.pageBytes || count === 0)
    throw new TreeDamage(`page ${page} has no valid header`);
  const nodes = Array.from({ length: count }, (_, i) => readNode(bytes, page, i, depth > 1));
  // The first key of a branch stands for "everything below" and is not stored.
  const compare = at.bytewise ? Buffer.compare : compareIntegers;
  for (let i = depth > 1 ? 2 : 1; i < count; i++) {
    if (compare(nodes[i - 1]!.key, nodes[i]!.key) >= 0) throw new TreeDamage(`page ${page} is out of order`);
  }
  return nodes;
}

/** Keys of free lists are numbers of transactions. */
function compareIntegers(a: Buffer, b: Buffer): number {
  if (a.byteLength !== 8 || b.byteLength !== 8) throw new TreeDamage("a list of free pages has no valid key");
  const [left, right] = [a.readBigUInt64LE(), b.readBigUInt64LE()];
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

function readNode(bytes: Buffer, page: bigint, i: number, branch: boolean): Node {
  const start = headerBytes + bytes.readUInt16LE(headerBytes + i * 2);
  if (start + nodeHeaderBytes > bytes.byteLength)
    throw new TreeDamage(`page ${page} has a node outside of it`);
  const low = bytes.readUInt16LE(start);
  const high = bytes.readUInt16LE(start + 2);
  const flags = bytes.readUInt16LE(start + 4);
  const keyEnd = start + nodeHeaderBytes + bytes.readUInt16LE(start + 6);
  const big = (flags & bigDataFlag) !== 0;
  const dataBytes = branch ? 0 : big ? overflowRecordBytes : low + high * 0x10000;
  if (keyEnd + dataBytes > bytes.byteLength) throw new TreeDamage(`page ${page} has a node outside of it`);
  const key = bytes.subarray(start + nodeHeaderBytes, keyEnd);
  return { low, high, flags, key, data: bytes.subarray(keyEnd, keyEnd + dataBytes) };
}

function childOf({ low, high, flags }: Node): bigint {
  return BigInt(low) | (BigInt(high) << 16n) | (BigInt(flags) << 32n);
}

function subTreeOf(page: bigint, { data }: Node, bytewise: boolean): TreeRoot {
  if (data.byteLength !== treeRecordBytes) throw new TreeDamage(`page ${page} names a tree that is none`);
  return { root: data.readBigUInt64LE(40), depth: data.readUInt16LE(6), bytewise };
}

function overflowOf({ data }: Node): [first: bigint, count: bigint] {
  return [data.readBigUInt64LE(0), data.readBigUInt64LE(16)];
}

/** The value of a leaf's node, also when it is on pages of its own. */
function contentsOf(file: PageFile, node: Node): Buffer {
  if (!(node.flags & bigDataFlag)) return node.data;
  const [first, count] = overflowOf(node);
  const bytes = node.low + node.high * 0x10000;
  const pages = Array.from({ length: Number(count) }, (_, i) => file.read(first + BigInt(i)));
  const all = Buffer.concat(pages);
  if (headerBytes + bytes > all.byteLength)
    throw new TreeDamage(`page ${first} is too small for what it holds`);
  return all.subarray(headerBytes, headerBytes + bytes);
}
