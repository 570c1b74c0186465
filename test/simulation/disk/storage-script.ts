import { crc32 } from "node:zlib";
import type { Entry } from "@rstore/replica/raft/types";
import { openDataDirectory } from "@rstore/replica/storage/open-data-directory";
import {
  appliedWrites,
  clusterId,
  decodeConfiguration,
  entriesOf,
  hardState,
  put,
} from "@rstore/replica/storage/testing/fixtures";
import type { DataDirectory, SnapshotChunk, SnapshotDescription } from "@rstore/replica/storage/types";
import type { Random } from "../world/random.ts";
import type { DiskHarness, TestLife } from "./disk-harness.ts";

const chunkBytes = 1500;

/** A snapshot of another member, at an index that this one has not. */
export interface DonatedSnapshot {
  readonly description: SnapshotDescription;
  readonly chunks: readonly SnapshotChunk[];
}

export function openOn(harness: DiskHarness, life: TestLife, random: Random): Promise<DataDirectory> {
  return openDataDirectory(harness.disk.directory, {
    machine: harness.disk.machine(life),
    randomBytes: (size) => random.bytes(size),
    decodeConfiguration,
    onFatal: () => {},
    // Small, so that entries are read from the disk too.
    logCacheMaxBytes: 400,
    after: (delayMs, callback) => harness.world.at(delayMs * 1000, () => life.enter(callback)),
  });
}

/** What the store holds at an applied index, by key. */
export function contentsAt(index: number): Map<string, string> {
  return new Map(Array.from({ length: index }, (_, i) => [`key ${i % 17}`, `value ${i} ${"v".repeat(90)}`]));
}

function applyThrough(directory: DataDirectory, index: number, term: number): Promise<void> {
  const writes = [...contentsAt(index)].map(([key, value]) => put(key, value));
  return directory.store.commit(appliedWrites(index, term, clusterId, writes));
}

export async function donate(directory: DataDirectory): Promise<DonatedSnapshot> {
  await directory.stampCluster(clusterId);
  await directory.log.append({ hardState: hardState(3, 7n, 40), entries: entriesOf(1, 40, 3) });
  await applyThrough(directory, 40, 3);
  const description = await directory.snapshots.create();
  const chunks: SnapshotChunk[] = [];
  for await (const { offset, data } of directory.snapshots.read(description.snapshotId, 0)!) {
    for (let at = 0; at < data.byteLength; at += chunkBytes) {
      const part = data.subarray(at, at + chunkBytes);
      chunks.push({ offset: offset + at, data: part, checksum: crc32(part) });
    }
  }
  return { description, chunks };
}

export interface LogImage {
  readonly member: bigint;
  readonly hardState: string;
  /** Terms by index, also of what was compacted since. */
  readonly terms: ReadonlyMap<bigint, bigint>;
  readonly lastIndex: bigint;
}

/** What was asked for, in order, and how far it was acknowledged: a crash leaves one of what is from there on. */
class Versions<T> {
  readonly #all: T[];
  #acknowledged = 0;

  constructor(first: T) {
    this.#all = [first];
  }

  get newest(): T {
    return this.#all.at(-1)!;
  }

  async make(version: T, done: Promise<unknown>): Promise<void> {
    const at = this.#all.push(version) - 1;
    await done;
    this.#acknowledged = Math.max(this.#acknowledged, at);
  }

  possible(): readonly T[] {
    return this.#all.slice(this.#acknowledged);
  }
}

const blankLog: LogImage = { member: 0n, hardState: "0 0 0", terms: new Map(), lastIndex: 0n };

/** Does everything that storage can do once, and knows what must be there whenever it is cut off. */
export class StorageScript {
  readonly logs = new Versions(blankLog);
  /** Applied indexes. */
  readonly stores = new Versions(0);
  incarnation = 0n;
  isStamped = false;
  isRemoved = false;
  resetBegan = false;
  readonly #harness: DiskHarness;
  readonly #life: TestLife;
  readonly #random: Random;
  readonly #donated: DonatedSnapshot;
  #directory!: DataDirectory;

  constructor(harness: DiskHarness, life: TestLife, donated: DonatedSnapshot) {
    this.#harness = harness;
    this.#life = life;
    this.#random = harness.world.random("script");
    this.#donated = donated;
  }

  async run(): Promise<void> {
    await this.#open();
    await this.#directory.stampCluster(clusterId);
    this.isStamped = true;
    await this.#directory.markJoined(1n);
    await Promise.all([this.#append(1, 10, 1), this.#append(11, 20, 1)]);
    await this.#apply(12, 1);
    await this.#append(18, 25, 2);
    await Promise.all([this.#append(26, 28, 2), this.#apply(17, 1), this.#append(27, 30, 3)]);
    await Promise.all([this.#directory.log.compact(10n), this.#append(31, 32, 3)]);
    await this.#directory.snapshots.create();
    await this.#install();
    await Promise.all([this.#append(41, 45, 4), this.#append(44, 46, 5)]);
    await this.#apply(43, 4);
    await this.#directory.log.compact(42n);
    await this.#directory.close();
    await this.#open();
    await this.#append(47, 50, 5);
    await this.#removeAndReset();
  }

  /** No more than what a removed member needs to be reset. */
  async runReset(): Promise<void> {
    await this.#open();
    await this.#directory.stampCluster(clusterId);
    this.isStamped = true;
    await this.#append(1, 3, 1);
    await this.#apply(2, 1);
    await this.#removeAndReset();
  }

  async #removeAndReset(): Promise<void> {
    await this.#directory.markRemoved(50n);
    this.isRemoved = true;
    await this.#reset();
    await this.#directory.stampCluster(clusterId);
    this.isStamped = true;
    await this.#directory.close();
  }

  async #open(): Promise<void> {
    this.#directory = await openOn(this.#harness, this.#life, this.#random);
    const { identity } = this.#directory;
    this.incarnation = identity.incarnation;
    await this.logs.make({ ...this.logs.newest, member: identity.memberId }, Promise.resolve());
  }

  #append(first: number, last: number, term: number): Promise<void> {
    const entries: Entry[] = entriesOf(first, last, term);
    const before = this.logs.newest;
    const kept = [...before.terms].filter(([index]) => index < BigInt(first));
    const image: LogImage = {
      ...before,
      hardState: `${term} 7 ${first - 1}`,
      terms: new Map([...kept, ...entries.map((entry) => [entry.index, entry.term] as const)]),
      lastIndex: BigInt(last),
    };
    const done = this.#directory.log.append({ hardState: hardState(term, 7n, first - 1), entries });
    return this.logs.make(image, done);
  }

  #apply(index: number, term: number): Promise<void> {
    return this.stores.make(index, applyThrough(this.#directory, index, term));
  }

  async #install(): Promise<void> {
    const { incoming } = this.#directory;
    const { description, chunks } = this.#donated;
    await incoming.begin(description);
    for (const chunk of chunks.slice(0, 2)) await incoming.write(chunk);
    const offset = await incoming.begin(description);
    for (const chunk of chunks) if (chunk.offset >= offset) await incoming.write(chunk);
    const received = await incoming.finish();
    const { index, term } = description.snapshot;
    const { hardState, member } = this.logs.newest;
    const [currentTerm, vote] = hardState.split(" ");
    const image: LogImage = {
      member,
      hardState: `${currentTerm} ${vote} ${index}`,
      terms: new Map([[index, term]]),
      lastIndex: index,
    };
    const done = this.#directory.install(received);
    await Promise.all([this.logs.make(image, done), this.stores.make(Number(index), done)]);
  }

  async #reset(): Promise<void> {
    this.resetBegan = true;
    const { memberId } = this.#directory.identity;
    const request = { clusterId, memberId, removedIndex: undefined };
    const done = this.#directory.reset(request).then((directory) => {
      this.#directory = directory;
    });
    await Promise.all([this.logs.make(blankLog, done), this.stores.make(0, done)]);
    this.incarnation = 0n;
    this.isRemoved = false;
    this.isStamped = false;
  }
}
