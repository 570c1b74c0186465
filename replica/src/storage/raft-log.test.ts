import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FatalError } from "../errors.ts";
import type { Entry } from "../raft/types.ts";
import { entryOverheadBytes } from "./log-record.ts";
import {
  appliedWrites,
  clusterId,
  entriesOf,
  entry,
  hardState,
  openTest,
  removeFolder,
  seed,
  temporaryFolder,
} from "./testing/fixtures.ts";
import type { DataDirectory } from "./types.ts";

let folder: string;
let directory: DataDirectory;

beforeEach(async () => {
  folder = temporaryFolder();
  directory = await openTest(folder);
});

afterEach(async () => {
  await directory.close();
  removeFolder(folder);
});

async function reopen(options: Parameters<typeof openTest>[1] = {}): Promise<void> {
  await directory.close();
  directory = await openTest(folder, options);
}

function contents(): Entry[] {
  const { log } = directory;
  if (log.lastIndex() < log.firstIndex()) return [];
  return log.entries(log.firstIndex(), log.lastIndex() + 1n, Number.MAX_SAFE_INTEGER);
}

function texts(entries: readonly Entry[]): string[] {
  return entries.map(({ index, term, data }) => `${index}/${term} ${Buffer.from(data)}`);
}

describe("append", () => {
  it("shows entries and hard state once they are durable, and again after a restart", async () => {
    const done = directory.log.append({ hardState: hardState(3, 9n, 2), entries: entriesOf(1, 3, 3) });
    expect(directory.log.lastIndex()).toBe(0n);
    await done;
    expect(directory.log.lastIndex()).toBe(3n);
    const before = texts(contents());
    await reopen();
    expect(texts(contents())).toEqual(before);
    expect(directory.log.initialState().hardState).toEqual(hardState(3, 9n, 2));
    expect(directory.log.durablePosition()).toEqual({ term: 3n, lastIndex: 3n, commit: 2n });
  });

  it("puts what gathers while one transaction runs into the next (group commit)", async () => {
    let commits = 0;
    const flushed: number[] = [];
    await reopen({
      logFlushed: (entries) => flushed.push(entries),
      faults: {
        beforeCommit: async (name) => {
          if (name === "raft") commits++;
        },
      },
    });
    commits = 0;
    const { log } = directory;
    await Promise.all(
      Array.from({ length: 100 }, (_, i) => log.append({ hardState: undefined, entries: [entry(i + 1)] })),
    );
    expect(commits).toBe(2);
    expect(flushed).toEqual([1, 99]);
    expect(log.lastIndex()).toBe(100n);
  });

  it("resolves in the order of the calls", async () => {
    const order: number[] = [];
    const { log } = directory;
    await Promise.all(
      [1, 2, 3, 4].map((i) =>
        log.append({ hardState: undefined, entries: [entry(i)] }).then(() => order.push(i)),
      ),
    );
    expect(order).toEqual([1, 2, 3, 4]);
  });

  it("takes the place of a conflicting tail, on disk and in what still waits (Raft §5.3)", async () => {
    const { log } = directory;
    await log.append({ hardState: undefined, entries: entriesOf(1, 10, 1) });
    const waiting = [
      log.append({ hardState: undefined, entries: entriesOf(8, 12, 2) }),
      log.append({ hardState: undefined, entries: entriesOf(11, 20, 2) }),
      log.append({ hardState: undefined, entries: entriesOf(13, 14, 3) }),
      log.append({ hardState: undefined, entries: entriesOf(5, 6, 4) }),
    ];
    await Promise.all(waiting);
    const expected = texts([...entriesOf(1, 4, 1), ...entriesOf(5, 6, 4)]);
    expect(texts(contents())).toEqual(expected);
    expect(log.term(6n)).toBe(4n);
    expect(log.term(7n)).toBeUndefined();
    await reopen();
    expect(texts(contents())).toEqual(expected);
  });

  it("refuses a term, a commit or a second vote that goes back (B1)", async () => {
    const { log } = directory;
    await log.append({ hardState: hardState(5, 7n, 0), entries: [] });
    const attempt = (term: number, vote: bigint) => () =>
      log.append({ hardState: hardState(term, vote, 0), entries: [] });
    expect(attempt(4, 7n)).toThrow("the term goes back");
    expect(attempt(5, 8n)).toThrow("a second vote in term 5");
    await attempt(6, 8n)();
    expect(log.initialState().hardState).toEqual(hardState(6, 8n, 0));
  });
});

describe("reading", () => {
  it("gives at least one entry and no more than maxBytes (LogStorage.entries)", async () => {
    const { log } = directory;
    await log.append({ hardState: undefined, entries: entriesOf(1, 10, 1, 100) });
    expect(log.entries(1n, 11n, 0)).toHaveLength(1);
    expect(log.entries(1n, 11n, 250)).toHaveLength(2);
    expect(log.entries(3n, 5n, 100_000).map((e) => e.index)).toEqual([3n, 4n]);
    expect(() => log.entries(1n, 12n, 1)).toThrow("reach beyond 10");
  });

  it("reads from LMDB what the cache no longer holds", async () => {
    await reopen({ logCacheMaxBytes: 10 * (100 + entryOverheadBytes) });
    await directory.log.append({ hardState: undefined, entries: entriesOf(1, 200, 1, 100) });
    expect(texts(contents())).toEqual(texts(entriesOf(1, 200, 1, 100)));
    expect(directory.log.term(3n)).toBe(1n);
  });

  it("counts the bytes after an index, also below the cache, and finds what to keep", async () => {
    await reopen({ logCacheMaxBytes: 1 });
    const { log } = directory;
    await log.append({ hardState: undefined, entries: entriesOf(1, 100, 1, 60) });
    const each = 60 + entryOverheadBytes;
    expect(log.bytesAfter(0n)).toBe(100 * each);
    expect(log.bytesAfter(90n)).toBe(10 * each);
    expect(log.bytesAfter(100n)).toBe(0);
    expect(log.indexLeaving({ entries: 1000, bytes: 7 * each })).toBe(93n);
    expect(log.indexLeaving({ entries: 5, bytes: 7 * each })).toBe(95n);
    expect(log.indexLeaving({ entries: 1000, bytes: 1e9 })).toBe(0n);
  });
});

describe("compaction", () => {
  it("forgets entries in bounded steps while appends go on, and keeps the term at the base", async () => {
    await seed(directory, 3000, 2000);
    const { log } = directory;
    const compacted = log.compact(2000n);
    await log.append({ hardState: undefined, entries: entriesOf(3001, 3010) });
    expect(log.firstIndex()).toBeLessThan(2001n);
    await compacted;
    expect(log.firstIndex()).toBe(2001n);
    expect(log.term(2000n)).toBe(1n);
    expect(log.term(1999n)).toBeUndefined();
    expect(() => log.entries(2000n, 2001n, 1)).toThrow("compacted");
    await reopen();
    expect(directory.start).toEqual({ kind: "ready" });
    expect(texts(contents())).toEqual(texts(entriesOf(2001, 3010)));
  });

  it("never goes beyond the applied index that is on disk (B8)", async () => {
    await seed(directory, 100, 50);
    expect(() => directory.log.compact(51n)).toThrow("goes beyond 50");
  });

  it("goes no further than the log, when the store is ahead of it", async () => {
    await seed(directory, 100, 50);
    await directory.store.commit(appliedWrites(120, 1, clusterId));
    await directory.log.compact(110n);
    expect([directory.log.firstIndex(), directory.log.lastIndex()]).toEqual([101n, 100n]);
  });

  it("gives space back: churn does not let the file grow (B13)", async () => {
    await directory.stampCluster(clusterId);
    const { log, store } = directory;
    let sizeAfterWarmUp = 0;
    for (let round = 0; round < 60; round++) {
      const first = round * 200 + 1;
      await log.append({
        hardState: undefined,
        entries: entriesOf(first, first + 199, 1, round % 7 === 0 ? 9000 : 300),
      });
      await store.commit(appliedWrites(first + 199, 1, clusterId));
      await log.compact(BigInt(first));
      if (round === 15) sizeAfterWarmUp = log.usage().fileBytes;
    }
    expect(log.usage().fileBytes).toBeLessThan(2 * sizeAfterWarmUp);
  });
});

describe("reset", () => {
  it("empties the log, which then begins after the snapshot; term and vote stay", async () => {
    const { log } = directory;
    await log.append({ hardState: hardState(4, 9n, 3), entries: entriesOf(1, 10, 4) });
    const done = log.reset({ index: 50n, term: 6n });
    await Promise.all([done, log.append({ hardState: undefined, entries: entriesOf(51, 52, 6) })]);
    expect(log.firstIndex()).toBe(51n);
    expect(log.term(50n)).toBe(6n);
    expect(log.term(10n)).toBeUndefined();
    expect(texts(contents())).toEqual(texts(entriesOf(51, 52, 6)));
    await directory.stampCluster(clusterId);
    await directory.store.commit(appliedWrites(50, 6, clusterId));
    expect(log.initialState().hardState).toEqual(hardState(4, 9n, 50));
  });
});

describe("a model of the log", () => {
  it("agrees with an array through random appends, conflicts, compactions, resets and restarts", async () => {
    for (let round = 0; round < 6; round++) await runModel(round + 1);
  });

  /** Park and Miller's generator: the same seed, the same run. */
  function generator(seed: number): (limit: number) => number {
    let state = seed;
    return (limit) => {
      state = (state * 48_271) % 2_147_483_647;
      return state % limit;
    };
  }

  async function runModel(seed: number): Promise<void> {
    await directory.close();
    removeFolder(folder);
    directory = await openTest(folder, { logCacheMaxBytes: 2000 });
    await directory.stampCluster(clusterId);
    const random = generator(seed * 7919);
    let model: Entry[] = [];
    let base = 0;
    let applied = 0;
    for (let step = 0; step < 80; step++) {
      const last = base + model.length;
      const choice = random(20);
      if (choice < 13) {
        const first = applied + 1 + random(last - applied + 1);
        const added = entriesOf(first, first + random(12), step + 1, random(5) === 0 ? 5000 : random(200));
        model = [...model.slice(0, first - base - 1), ...added];
        const append = directory.log.append({ hardState: hardState(step + 1, 0n, applied), entries: added });
        if (random(3) > 0) await append;
      } else if (choice < 17 && last > applied) {
        applied += random(last - applied + 1);
        await directory.log.append({ hardState: undefined, entries: [] });
        const term =
          applied > base
            ? Number(model[applied - base - 1]!.term)
            : Number(directory.log.term(BigInt(base))!);
        await directory.store.commit(appliedWrites(applied, term, clusterId));
        await directory.log.append({ hardState: hardState(step + 1, 0n, applied), entries: [] });
        const through = base + random(applied - base + 1);
        await directory.log.compact(BigInt(through));
        model = model.slice(through - base);
        base = through;
      } else if (choice === 17) {
        base = last + 1 + random(5);
        applied = base;
        model = [];
        await directory.store.commit(appliedWrites(base, step + 1, clusterId));
        await directory.log.reset({ index: BigInt(base), term: BigInt(step + 1) });
      } else if (choice === 18) {
        await reopen({ logCacheMaxBytes: 2000 });
      }
    }
    await reopen();
    expect(directory.log.firstIndex()).toBe(BigInt(base + 1));
    expect(texts(contents())).toEqual(texts(model));
  }
});

describe("faults", () => {
  it("ends with diskFailed on an I/O error and retries nothing (B5)", async () => {
    const fatal: FatalError[] = [];
    let failures = 0;
    await directory.close();
    directory = await openTest(folder, {
      fatal,
      faults: {
        beforeCommit: async () => {
          if (failures > 0 && failures-- === 1)
            throw Object.assign(new Error("Input/output error"), { code: 5 });
        },
      },
    });
    const { log } = directory;
    await log.append({ hardState: undefined, entries: [entry(1)] });
    failures = 1;
    const failing = [
      log.append({ hardState: undefined, entries: [entry(2)] }),
      log.append({ hardState: undefined, entries: [entry(3)] }),
    ];
    const results = await Promise.allSettled(failing);
    expect(results.map((r) => r.status)).toEqual(["rejected", "rejected"]);
    expect(fatal.map((e) => e.reason)).toEqual(["diskFailed"]);
    // The disk would work again: it must not be asked.
    await expect(log.append({ hardState: undefined, entries: [entry(2)] })).rejects.toThrow(
      fatal[0]!.message,
    );
    await expect(directory.store.commit([])).rejects.toThrow(fatal[0]!.message);
    expect(log.lastIndex()).toBe(1n);
  });

  it("ends with diskFailed when a commit does not settle within the deadline (B12)", async () => {
    const fatal: FatalError[] = [];
    let frozen = false;
    await directory.close();
    directory = await openTest(folder, {
      fatal,
      commitDeadlineMs: 50,
      faults: { beforeCommit: () => (frozen ? new Promise(() => undefined) : Promise.resolve()) },
    });
    frozen = true;
    await expect(directory.log.append({ hardState: undefined, entries: [entry(1)] })).rejects.toThrow(
      "within 0.05 s",
    );
    expect(fatal.map((e) => [e.reason, e.exitCode])).toEqual([["diskFailed", 75]]);
    expect(directory.log.lastIndex()).toBe(0n);
  });
});
