import { createHash, type Hash } from "node:crypto";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { assert } from "../assert.ts";
import type { SnapshotMetadata } from "../raft/types.ts";
import { measureSpace } from "./disk-space.ts";
import type { Environment } from "./environment.ts";
import { isFull } from "./io-error.ts";
import type { FileSystem } from "./machine.types.ts";
import { type OpenContext, openEnvironment } from "./open-raft.ts";
import { StoreBackend } from "./store-backend.ts";
import type { StoreMeta } from "./store-meta.ts";
import { systemAfter } from "./system/system-machine.ts";
import { type SnapshotChunk, type SnapshotDescription, type SnapshotSource, StorageError } from "./types.ts";

/** Sent, and read, at once. */
const chunkBytes = 256 * 1024;

const marginBytes = 16 * 1024 * 1024;

/** Between two turns of the process. */
const verifiedAtOnce = { maxRecords: 1000, maxBytes: 512 * 1024 };

interface LocalSnapshot {
  readonly description: SnapshotDescription;
  readonly folder: string;
  readonly file: string;
  readers: number;
  unwanted: boolean;
}

/** Snapshots made here, in `snapshots/<id>/`. They don't outlive the process. */
export class LocalSnapshots implements SnapshotSource {
  readonly #context: OpenContext;
  readonly #environment: () => Environment;
  #current: LocalSnapshot | undefined;
  #creating: Promise<SnapshotDescription> | undefined;
  #isClosing = false;

  constructor(context: OpenContext, environment: () => Environment) {
    this.#context = context;
    this.#environment = environment;
  }

  current(): SnapshotDescription | undefined {
    return this.#current?.description;
  }

  create(): Promise<SnapshotDescription> {
    this.#creating ??= this.#create().finally(() => {
      this.#creating = undefined;
    });
    return this.#creating;
  }

  async #create(): Promise<SnapshotDescription> {
    const { layout, machine, options } = this.#context;
    const { files } = machine;
    const step = options.faults?.atStep ?? (() => {});
    await this.#verify(this.#environment());
    const environment = this.#environment();
    await requireSpace(this.#context, environment.usage().usedBytes, "a snapshot");
    const snapshotId = Buffer.from(options.randomBytes(8)).toString("hex");
    const folder = join(layout.snapshots, snapshotId);
    const file = join(folder, "data.mdb");
    await files.makeFolder(folder);
    try {
      step("snapshot: begin");
      await environment.copyTo(file);
      step("snapshot: copied");
      const meta = await readStoreMeta(this.#context, file);
      assert(meta, "a snapshot of a store to which nothing was applied");
      const description: SnapshotDescription = {
        snapshotId,
        snapshot: metadataOf(this.#context, meta),
        sizeBytes: (await files.stat(file))?.sizeBytes ?? 0,
        checksum: await hashFile(files, file).then((hash) => hash.digest()),
      };
      await this.discard();
      this.#current = { description, folder, file, readers: 0, unwanted: false };
      return description;
    } catch (error) {
      await files.remove(folder);
      throw isFull(error) ? noSpace("a snapshot", error) : error;
    }
  }

  /**
   * Reads every record of the store before others get a copy: damage is found here, where it ends this process as
   * anywhere, and is not carried to members that are well (B7).
   */
  async #verify(environment: Environment): Promise<void> {
    const { after = systemAfter } = this.#context.options;
    const release = environment.use();
    try {
      const store = new StoreBackend(environment, { onScrubbed: () => undefined });
      while (!store.scrubStep(verifiedAtOnce).passed) {
        await new Promise<void>((resolve) => void after(1, resolve));
        if (this.#isClosing)
          throw new StorageError("badSnapshot", "it is not made to its end: the process ends");
      }
    } finally {
      release();
    }
  }

  read(snapshotId: string, offset: number): AsyncIterable<SnapshotChunk> | undefined {
    const current = this.#current;
    if (current?.description.snapshotId !== snapshotId) return undefined;
    assert(
      offset >= 0 && offset <= current.description.sizeBytes,
      `offset ${offset} lies outside of the snapshot`,
    );
    return this.#chunks(current, offset);
  }

  async *#chunks(snapshot: LocalSnapshot, from: number): AsyncGenerator<SnapshotChunk> {
    snapshot.readers++;
    try {
      const bytes = this.#context.options.snapshotChunkBytes ?? chunkBytes;
      const file = await this.#files.open(snapshot.file, "r");
      try {
        for (let offset = from; offset < snapshot.description.sizeBytes; ) {
          const buffer = Buffer.allocUnsafe(bytes);
          const bytesRead = await file.read(buffer, buffer.byteLength, offset);
          assert(bytesRead > 0, "a snapshot file became shorter");
          const data = buffer.subarray(0, bytesRead);
          yield { offset, data, checksum: crc32(data) };
          offset += bytesRead;
        }
      } finally {
        await file.close();
      }
    } finally {
      snapshot.readers--;
      await this.#removeIfUnused(snapshot);
    }
  }

  async discard(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    if (!current) return;
    current.unwanted = true;
    await this.#removeIfUnused(current);
  }

  /** Waits for the copy being made: it reads the environment. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#creating?.catch(() => undefined);
    await this.discard();
  }

  async #removeIfUnused({ folder, readers, unwanted }: LocalSnapshot): Promise<void> {
    if (unwanted && readers === 0) await this.#files.remove(folder);
  }

  get #files(): FileSystem {
    return this.#context.machine.files;
  }
}

export async function hashFile(
  files: FileSystem,
  path: string,
  bytes = Number.POSITIVE_INFINITY,
): Promise<Hash> {
  const hash = createHash("sha256");
  const file = await files.open(path, "r");
  try {
    const buffer = Buffer.allocUnsafe(chunkBytes);
    for (let at = 0; at < bytes; ) {
      const bytesRead = await file.read(buffer, Math.min(buffer.byteLength, bytes - at), at);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
  } finally {
    await file.close();
  }
  return hash;
}

export function metadataOf({ options }: OpenContext, meta: StoreMeta): SnapshotMetadata {
  const configuration = options.decodeConfiguration(meta.configuration);
  return {
    index: meta.appliedIndex,
    term: meta.appliedTerm,
    configuration: { index: meta.configurationIndex, configuration },
  };
}

/** What a copy of the store, checked before, says of itself. */
export async function readStoreMeta(context: OpenContext, file: string): Promise<StoreMeta | undefined> {
  const environment = openEnvironment(context, "copy", file);
  try {
    return new StoreBackend(environment, { onScrubbed: () => undefined }).meta();
  } finally {
    await environment.close();
    // What LMDB left beside it.
    await context.machine.files.remove(`${file}-lock`);
  }
}

export async function requireSpace(
  { layout, machine, options }: OpenContext,
  bytes: number,
  what: string,
): Promise<void> {
  const { freeBytes } = await measureSpace(machine.files, layout.directory, options.faults);
  if (freeBytes < bytes + (options.snapshotMarginBytes ?? marginBytes)) throw noSpace(what);
}

function noSpace(what: string, cause?: unknown): StorageError {
  return new StorageError("noSpace", `the disk has no room for ${what}`, { cause });
}
