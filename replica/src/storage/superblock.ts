import { crc32 } from "node:zlib";
import type { MemberId } from "../raft/types.ts";
import type { FileSystem, OpenFile } from "./machine.types.ts";

export const directoryFormatVersion = 1;

/**
 * What must never go back, kept outside of `raft/`: a log that was lost, cut off or replaced by an older copy
 * is found, not believed (B2, B10).
 */
export interface Superblock {
  readonly memberId: MemberId;
  /** 0n: none. */
  readonly clusterId: bigint;
  readonly incarnation: bigint;
  readonly term: bigint;
  readonly commit: bigint;
}

export type SuperblockRead =
  | { readonly kind: "missing" }
  | { readonly kind: "damaged" }
  | { readonly kind: "unknownFormat"; readonly version: number }
  | { readonly kind: "found"; readonly superblock: Superblock; readonly sequence: bigint };

const magic = Buffer.from("rstore\0\0");
const slotBytes = 4096;
const recordBytes = 8 + 4 + 4 + 6 * 8;

/** Two slots, written in turn, so that a torn write leaves the other (double-buffered, as in TigerBeetle). */
function encodeSlot(superblock: Superblock, sequence: bigint): Buffer {
  const bytes = Buffer.alloc(slotBytes);
  bytes.set(magic, 0);
  bytes.writeUInt32LE(directoryFormatVersion, 12);
  const { memberId, clusterId, incarnation, term, commit } = superblock;
  [sequence, memberId, clusterId, incarnation, term, commit].forEach((field, i) => {
    bytes.writeBigUInt64LE(field, 16 + i * 8);
  });
  bytes.writeUInt32LE(crc32(bytes.subarray(12, recordBytes)), 8);
  return bytes;
}

function decodeSlot(bytes: Buffer): SuperblockRead {
  const valid =
    bytes.byteLength >= recordBytes &&
    bytes.subarray(0, 8).equals(magic) &&
    bytes.readUInt32LE(8) === crc32(bytes.subarray(12, recordBytes));
  if (!valid) return { kind: "damaged" };
  const version = bytes.readUInt32LE(12);
  if (version !== directoryFormatVersion) return { kind: "unknownFormat", version };
  const field = (i: number): bigint => bytes.readBigUInt64LE(16 + i * 8);
  const superblock: Superblock = {
    memberId: field(1),
    clusterId: field(2),
    incarnation: field(3),
    term: field(4),
    commit: field(5),
  };
  return { kind: "found", superblock, sequence: field(0) };
}

export async function readSuperblock(files: FileSystem, path: string): Promise<SuperblockRead> {
  const bytes = await files.readFile(path);
  if (bytes === undefined) return { kind: "missing" };
  return [0, slotBytes].map((start) => decodeSlot(bytes.subarray(start, start + slotBytes))).reduce(better);
}

function better(a: SuperblockRead, b: SuperblockRead): SuperblockRead {
  // A format that is not known must not be taken for damage and written over.
  if (a.kind === "unknownFormat" || b.kind === "unknownFormat") return a.kind === "unknownFormat" ? a : b;
  if (a.kind !== "found") return b;
  return b.kind === "found" && b.sequence > a.sequence ? b : a;
}

/** Writes one after the other; each is on disk when its promise resolves. */
export class SuperblockWriter {
  readonly #file: OpenFile;
  #sequence: bigint;
  #last: Promise<void> = Promise.resolve();

  private constructor(file: OpenFile, sequence: bigint) {
    this.#file = file;
    this.#sequence = sequence;
  }

  static async open(files: FileSystem, path: string, sequence: bigint): Promise<SuperblockWriter> {
    const file = await files.open(path, sequence === 0n ? "w" : "r+");
    return new SuperblockWriter(file, sequence);
  }

  write(superblock: Superblock): Promise<void> {
    const done = this.#last.then(async () => {
      const sequence = this.#sequence + 1n;
      const slot = encodeSlot(superblock, sequence);
      await this.#file.write(slot, Number(sequence % 2n) * slotBytes);
      await this.#file.sync();
      this.#sequence = sequence;
    });
    this.#last = done.catch(() => undefined);
    return done;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#file.close();
  }
}
