import { expect, test } from "vitest";
import { Store } from "../mvcc/store.ts";
import { MemoryBackend } from "../mvcc/testing/memory-backend.ts";
import type { KeyValue, RangeQuery } from "../mvcc/types.ts";
import { type Clock, systemClock } from "./clock.ts";
import { limits } from "./limits.ts";
import { LongReads } from "./long-reads.ts";
import type { RangeRequest } from "./replica-api.ts";

/** Two keys, one in each step. */
function fakeStore(revision: bigint, compacted: bigint): Store {
  const keyValue = (key: string, mod: bigint): KeyValue => ({
    key: Buffer.from(key),
    value: Buffer.of(),
    createRevision: 1n,
    modRevision: mod,
    version: 1n,
    lease: 0n,
  });
  const rangeStep = (query: RangeQuery) => {
    const at = query.revision ?? revision;
    if (at < compacted) return { reason: "compacted", compactedRevision: compacted };
    const first = Buffer.from(query.start).toString() === "a";
    return {
      keyValues: [keyValue(first ? "a" : "b", at)],
      count: 1,
      next: first ? { start: Buffer.from("b"), end: Buffer.from("c") } : undefined,
    };
  };
  return { revision, rangeStep } as unknown as Store;
}

const request: RangeRequest = {
  start: Buffer.from("a"),
  end: Buffer.from("c"),
  revision: undefined,
  limit: 0,
  reverse: false,
  keysOnly: false,
  countOnly: false,
};

async function rangeAcrossInstall(installed: Store, asked: RangeRequest) {
  const machine = { store: fakeStore(5n, 0n) };
  const clock: Clock = {
    ...systemClock,
    soon: (callback) =>
      systemClock.soon(() => {
        machine.store = installed;
        callback();
      }),
  };
  const deadlineMs = clock.nowMs() + 60_000;
  const answer = await new LongReads(clock, 1000, limits).range(machine, asked, { deadlineMs });
  return { revision: answer.revision, mods: answer.keyValues.map(({ modRevision }) => modRevision) };
}

test("a range over the install of a snapshot goes on at its revision in the new store", async () => {
  expect(await rangeAcrossInstall(fakeStore(9n, 4n), request)).toEqual({ revision: 5n, mods: [5n, 5n] });
});

test("a range of the newest begins anew when the snapshot has compacted its revision", async () => {
  expect(await rangeAcrossInstall(fakeStore(9n, 8n), request)).toEqual({ revision: 9n, mods: [9n, 9n] });
});

test("a range at a revision that the snapshot has compacted is refused", async () => {
  const asked = { ...request, revision: 5n };
  await expect(rangeAcrossInstall(fakeStore(9n, 8n), asked)).rejects.toMatchObject({ reason: "compacted" });
});

test("a page of an older revision says that more follows only when a key of that revision does", async () => {
  const store = new Store(new MemoryBackend());
  const put = (key: string) => {
    const change = { key: Buffer.from(key), value: Buffer.from("v"), lease: 0n, previous: false };
    store.put({ ...change, expectedModRevision: undefined });
  };
  put("a");
  const { revision } = store;
  put("b");
  const reads = new LongReads(systemClock, 1000, limits);
  const page = (at: bigint | undefined) =>
    reads.range(
      { store },
      { ...request, revision: at, limit: 1 },
      { deadlineMs: systemClock.nowMs() + 60_000 },
    );
  expect(await page(revision)).toMatchObject({ count: 1, more: false });
  expect(await page(undefined)).toMatchObject({ count: 1, more: true });
});
