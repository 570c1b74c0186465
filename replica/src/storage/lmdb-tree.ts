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
  has(page: bigint, count: bigint): boolean;
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

/**
 * Walks B+trees page by page (mdb.c: MDB_page_header, MDB_node) and says what is wrong with the first page
 * that is missing, in the wrong place or not what its parent says; undefined when there is none. The contents
 * of overflow pages are not read: records have their own checksums.
 */
export function findTreeDamage(file: PageFile, roots: readonly TreeRoot[]): string | undefined {
  const open = roots.filter((tree) => tree.root !== noPage).map((tree) => ({ ...tree, page: tree.root }));
  const seen = new Set<bigint>();
  try {
    for (let next = open.pop(); next; next = open.pop()) {
      const { page, depth, bytewise } = next;
      if (seen.has(page)) throw new TreeDamage(`page ${page} is in two places`);
      seen.add(page);
      for (const node of readNodes(file, next)) {
        if (depth > 1) open.push({ ...next, page: childOf(node), depth: depth - 1 });
        else if (node.flags & subTreeFlag) {
          const tree = subTreeOf(page, node, bytewise);
          if (tree.root !== noPage) open.push(tree);
        } else if (node.flags & bigDataFlag) checkOverflow(file, page, node);
      }
    }
  } catch (error) {
    if (error instanceof TreeDamage) return error.message;
    throw error;
  }
  return undefined;
}

function readNodes(file: PageFile, at: { page: bigint; depth: number; bytewise: boolean }): Node[] {
  const { page, depth } = at;
  if (page < 2n || !file.has(page, 1n)) throw new TreeDamage(`page ${page} is not in the data file`);
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
  for (let i = depth > 1 ? 2 : 1; at.bytewise && i < count; i++) {
    if (Buffer.compare(nodes[i - 1]!.key, nodes[i]!.key) >= 0)
      throw new TreeDamage(`page ${page} is out of order`);
  }
  return nodes;
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

function subTreeOf(page: bigint, { data }: Node, bytewise: boolean): TreeRoot & { page: bigint } {
  if (data.byteLength !== treeRecordBytes) throw new TreeDamage(`page ${page} names a tree that is none`);
  const root = data.readBigUInt64LE(40);
  return { root, page: root, depth: data.readUInt16LE(6), bytewise };
}

function checkOverflow(file: PageFile, page: bigint, { data }: Node): void {
  const first = data.readBigUInt64LE(0);
  const count = data.readBigUInt64LE(16);
  if (first < 2n || count < 1n || !file.has(first, count)) {
    throw new TreeDamage(
      `pages ${first} to ${first + count - 1n}, named by page ${page}, are not in the data file`,
    );
  }
}
