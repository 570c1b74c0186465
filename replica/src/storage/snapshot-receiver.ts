import type { Hash } from "node:crypto";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { assert } from "../assert.ts";
import { isFull } from "./io-error.ts";
import type { FileSystem, OpenFile } from "./machine.types.ts";
import type { OpenContext } from "./open-raft.ts";
import { hashFile, metadataOf, readStoreMeta, requireSpace } from "./snapshot-source.ts";
import type { StoreMeta } from "./store-meta.ts";
import {
  type ReceivedSnapshot,
  type SnapshotChunk,
  type SnapshotDescription,
  type SnapshotSink,
  StorageError,
} from "./types.ts";

/** Flushed so often while it arrives, so that the last flush is short. */
const flushBytes = 32 * 1024 * 1024;

interface Receiving {
  readonly description: SnapshotDescription;
  readonly path: string;
  readonly file: OpenFile;
  hash: Hash;
  offset: number;
  flushed: number;
}

/**
 * Writes a snapshot to `incoming/` as it arrives. What is there after a crash may be torn; it is taken as far
 * as it goes, since the checksum of the whole file is verified in the end anyway.
 */
export class SnapshotReceiver implements SnapshotSink {
  readonly #context: OpenContext;
  readonly #clusterId: () => bigint | undefined;
  #receiving: Receiving | undefined;

  constructor(context: OpenContext, clusterId: () => bigint | undefined) {
    this.#context = context;
    this.#clusterId = clusterId;
  }

  get #files(): FileSystem {
    return this.#context.machine.files;
  }

  get #path(): string {
    return join(this.#context.layout.incoming, "data.mdb");
  }

  get #descriptionPath(): string {
    return join(this.#context.layout.incoming, "description.json");
  }

  async begin(description: SnapshotDescription): Promise<number> {
    await this.abort();
    const { incoming } = this.#context.layout;
    const text = textOf(description);
    const files = this.#files;
    const known = await files.readFile(this.#descriptionPath);
    if (known?.toString() !== text) {
      await files.remove(incoming);
      await files.makeFolder(incoming);
      await files.writeFile(this.#descriptionPath, text);
    }
    const found = await files.stat(this.#path);
    const present = Math.min(found?.sizeBytes ?? 0, description.sizeBytes);
    await requireSpace(this.#context, description.sizeBytes - present, "the snapshot of another member");
    const file = await files.open(this.#path, present > 0 ? "r+" : "w");
    const hash = await hashFile(files, this.#path, present);
    this.#receiving = { description, path: this.#path, file, hash, offset: present, flushed: present };
    return present;
  }

  async write({ offset, data, checksum }: SnapshotChunk): Promise<void> {
    const receiving = this.#receiving;
    assert(receiving, "a chunk of a snapshot arrived before it began");
    const end = receiving.offset + data.byteLength;
    if (offset !== receiving.offset || end > receiving.description.sizeBytes) {
      throw badSnapshot(`a chunk at ${offset} does not follow what is here, ${receiving.offset}`);
    }
    if (crc32(data) !== checksum) throw badSnapshot(`the chunk at ${offset} does not match its checksum`);
    try {
      await receiving.file.write(data, offset);
      receiving.hash.update(data);
      receiving.offset = end;
      if (end - receiving.flushed >= flushBytes) {
        receiving.flushed = end;
        await receiving.file.sync();
      }
    } catch (cause) {
      await this.#startOver();
      if (!isFull(cause)) throw cause;
      throw new StorageError("noSpace", "the disk has no room for the snapshot of another member", { cause });
    }
  }

  async finish(): Promise<ReceivedSnapshot> {
    const receiving = this.#receiving;
    assert(receiving, "a snapshot ended before it began");
    const { description, file, path, offset } = receiving;
    const step = this.#context.options.faults?.atStep ?? (() => {});
    if (offset !== description.sizeBytes)
      throw badSnapshot(`it ends at ${offset} of ${description.sizeBytes} bytes`);
    if (!receiving.hash.digest().equals(description.checksum)) {
      await this.#startOver();
      throw badSnapshot("the file does not match its checksum");
    }
    step("receive: verified");
    await file.sync();
    await this.abort();
    await this.#files.syncFolder(this.#context.layout.incoming);
    await this.#files.syncFolder(this.#context.layout.directory);
    step("receive: flushed");
    const meta = await this.#checkContents(description, path);
    return { snapshotId: description.snapshotId, snapshot: metadataOf(this.#context, meta), path };
  }

  /** The checksum says that it arrived as it was sent; this, that it is what it was said to be. */
  async #checkContents({ snapshot }: SnapshotDescription, path: string): Promise<StoreMeta> {
    const check = await this.#context.machine.checkDataFile(path, { walk: false });
    if (check.kind !== "good") {
      await this.#startOver();
      throw badSnapshot(check.kind === "damaged" ? check.what : "it is empty");
    }
    const meta = await readStoreMeta(this.#context, path);
    if (!meta || meta.clusterId !== this.#clusterId()) {
      await this.#startOver();
      throw new StorageError("wrongCluster", "the snapshot belongs to another cluster");
    }
    if (meta.appliedIndex !== snapshot.index || meta.appliedTerm !== snapshot.term) {
      await this.#startOver();
      throw badSnapshot("it holds another index than was said");
    }
    return meta;
  }

  /** Lets go of the file; what arrived stays, and `begin` goes on from there. */
  async abort(): Promise<void> {
    const receiving = this.#receiving;
    this.#receiving = undefined;
    await receiving?.file.close();
  }

  async #startOver(): Promise<void> {
    await this.abort();
    await this.#files.remove(this.#context.layout.incoming);
  }

  /** The file was moved away: what described it goes too. */
  async installed(): Promise<void> {
    if (await this.#files.stat(this.#path)) return;
    await this.#files.remove(this.#descriptionPath);
  }
}

function textOf({ snapshotId, snapshot, sizeBytes, checksum }: SnapshotDescription): string {
  const { index, term } = snapshot;
  const sha256 = Buffer.from(checksum).toString("hex");
  return JSON.stringify({ version: 1, snapshotId, index: `${index}`, term: `${term}`, sizeBytes, sha256 });
}

function badSnapshot(what: string): StorageError {
  return new StorageError("badSnapshot", `the snapshot cannot be used: ${what}`);
}
