import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FatalError } from "../../errors.ts";
import type { Configuration, Entry, HardState, MemberId } from "../../raft/types.ts";
import type { KvWrite } from "../kv-backend.types.ts";
import { openDataDirectory } from "../open-data-directory.ts";
import { appliedKey, encodeStoreMeta } from "../store-meta.ts";
import type { DataDirectory, OpenOptions, SnapshotDescription } from "../types.ts";

/** A codec that is good enough for storage, which never looks inside. */
export function encodeConfiguration(voters: readonly MemberId[]): Uint8Array {
  return Buffer.from(voters.join(","));
}

export function decodeConfiguration(bytes: Uint8Array): Configuration {
  const text = Buffer.from(bytes).toString();
  const voters = text === "" ? [] : text.split(",").map(BigInt);
  return { voters, outgoing: [], learners: [], learnersNext: [], context: new Uint8Array() };
}

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), "rstore-storage-"));
}

export function removeFolder(path: string): void {
  rmSync(path, { recursive: true, force: true });
}

export interface TestOptions extends Partial<OpenOptions> {
  readonly fatal?: FatalError[];
}

export function openTest(path: string, options: TestOptions = {}): Promise<DataDirectory> {
  const { fatal = [], ...rest } = options;
  return openDataDirectory(path, {
    randomBytes,
    decodeConfiguration,
    onFatal: (error) => fatal.push(error),
    ...rest,
  });
}

export function entry(
  index: number | bigint,
  term: number | bigint = 1,
  data: string | Uint8Array = "",
): Entry {
  const bytes = typeof data === "string" ? Buffer.from(data || `entry ${index} of term ${term}`) : data;
  return { index: BigInt(index), term: BigInt(term), type: "normal", data: bytes };
}

export function entriesOf(first: number, last: number, term = 1, bytes?: number): Entry[] {
  const data = (i: number) => (bytes === undefined ? "" : Buffer.alloc(bytes, i));
  return Array.from({ length: last - first + 1 }, (_, i) => entry(first + i, term, data(first + i)));
}

export function hardState(term: number, vote: bigint, commit: number): HardState {
  return { term: BigInt(term), vote, commit: BigInt(commit) };
}

/** The batch of changes that brings the store to an applied index. */
export function appliedWrites(
  index: number,
  term: number,
  clusterId: bigint,
  writes: KvWrite[] = [],
): KvWrite[] {
  const value = encodeStoreMeta({
    appliedIndex: BigInt(index),
    appliedTerm: BigInt(term),
    configurationIndex: 1n,
    configuration: encodeConfiguration([1n, 2n, 3n]),
    clusterId,
    clusterVersion: 0,
  });
  return [{ table: "meta", key: appliedKey, value }, ...writes];
}

export function put(key: string, value: string | Uint8Array, table: KvWrite["table"] = "cur"): KvWrite {
  return { table, key: Buffer.from(key), value: typeof value === "string" ? Buffer.from(value) : value };
}

export const clusterId = 0xc1c1c1n;

/** A member with a log of `entries` entries, `applied` of them in the store. */
export async function seed(directory: DataDirectory, entries: number, applied: number): Promise<void> {
  await directory.stampCluster(clusterId);
  await directory.log.append({
    hardState: hardState(1, 7n, entries),
    entries: entriesOf(1, entries),
  });
  if (applied > 0) {
    const writes = Array.from({ length: applied }, (_, i) => put(key(i + 1), `value ${i + 1}`));
    await directory.store.commit(appliedWrites(applied, 1, clusterId, writes));
  }
}

export function key(i: number): string {
  return `key-${String(i).padStart(6, "0")}`;
}

/** Everything that the store holds, in one short string. */
export function digest(directory: Pick<DataDirectory["store"], "scan">): string {
  const hash = createHash("sha256");
  for (const table of ["meta", "rev", "cur", "idx"] as const) {
    for (const [k, v] of directory.scan(table, { start: new Uint8Array(), end: undefined })) {
      hash.update(`${table}:${k.byteLength}:${v.byteLength}:`).update(k).update(v);
    }
  }
  return hash.digest("hex");
}

/** Carries a snapshot from one directory to another; `until` stops on the way. */
export async function transfer(
  from: DataDirectory,
  to: DataDirectory,
  description: SnapshotDescription,
  until = Number.POSITIVE_INFINITY,
): Promise<void> {
  const offset = await to.incoming.begin(description);
  const chunks = from.snapshots.read(description.snapshotId, offset);
  if (!chunks) throw new Error("the snapshot is gone");
  for await (const chunk of chunks) {
    if (chunk.offset >= until) return;
    await to.incoming.write(chunk);
  }
}
