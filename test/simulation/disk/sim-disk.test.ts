import {
  clusterId,
  entriesOf,
  hardState,
  seed as seedMember,
} from "@rstore/replica/storage/testing/fixtures";
import type { DataDirectory } from "@rstore/replica/storage/types";
import { expect, test } from "vitest";
import { Random } from "../world/random.ts";
import { DiskHarness, inWorld, TestLife } from "./disk-harness.ts";
import { openOn } from "./storage-script.ts";
import type { DurableLogState } from "./types.ts";

interface Started {
  readonly harness: DiskHarness;
  readonly life: TestLife;
  readonly directory: DataDirectory;
}

function startMember(seed = 1, entries = 5, applied = 3): Started {
  const harness = new DiskHarness(seed);
  const life = new TestLife();
  const directory = harness.must(() => openOn(harness, life, new Random(seed)));
  harness.must(() => seedMember(directory, entries, applied));
  return { harness, life, directory };
}

function restart(harness: DiskHarness, life: TestLife): DataDirectory {
  harness.crash(life);
  return harness.must(() => openOn(harness, new TestLife(), new Random(9)));
}

test(
  "what is durable is read behind the machine's back, and never before it is (B4)",
  inWorld(() => {
    const { harness, life, directory } = startMember();
    const { disk } = harness;
    const told: DurableLogState[] = [];
    disk.onDurableLog = (state) => void told.push(state);
    let calls = 0;
    disk.onCall = () => {
      calls += 1;
    };
    const state = {
      memberId: directory.identity.memberId,
      clusterId,
      incarnation: 1n,
      removedIndex: undefined,
      ...{ term: 1n, vote: 7n, commit: 5n, firstIndex: 1n, lastIndex: 5n, lastTerm: 1n },
    };
    expect(disk.durableLog()).toEqual(state);
    expect([disk.durableTerm(5n), disk.durableTerm(6n), disk.durableApplied()]).toEqual([1n, undefined, 3n]);
    expect(disk.durableEntry(5n)).toMatchObject({ index: 5n, term: 1n, type: "normal" });
    expect(calls).toBe(0);

    const appended = directory.log.append({ hardState: hardState(2, 8n, 5), entries: entriesOf(6, 6, 2) });
    expect(disk.durableLog()).toEqual(state);
    harness.must(() => appended);
    expect(disk.durableLog()).toEqual({ ...state, term: 2n, vote: 8n, lastIndex: 6n, lastTerm: 2n });
    harness.must(() => directory.log.compact(2n));
    expect(disk.durableLog()).toMatchObject({ firstIndex: 3n });
    expect(disk.durableTerm(2n)).toBeUndefined();
    expect(told.map(({ lastIndex, firstIndex }) => [lastIndex, firstIndex])).toEqual([
      [6n, 1n],
      [6n, 3n],
    ]);
    restart(harness, life);
    expect(disk.durableLog()).toMatchObject({ incarnation: 2n, lastIndex: 6n });
    expect(disk.isStoreLost()).toBe(false);
  }),
);

test(
  "a log that is lost leaves the rest of the disk, and explains why its process refuses to start (B1, B10)",
  inWorld(() => {
    const { harness, life } = startMember();
    const { disk } = harness;
    expect(() => disk.loseLog()).toThrow("a process runs");
    harness.crash(life);
    disk.loseLog();
    expect([disk.durableLog(), disk.isStoreLost(), disk.tampered]).toEqual([undefined, false, 1]);
    expect(disk.explains("corruptLog")).toBe(true);
  }),
);

test(
  "a wiped disk is blank, an old copy says what it said then, and both are known (B1, B2)",
  inWorld(() => {
    const { harness, life, directory } = startMember();
    const { disk } = harness;
    const image = disk.copy();
    const before = disk.durableLog();
    harness.must(() => directory.log.append({ hardState: undefined, entries: entriesOf(6, 9) }));
    expect(() => disk.wipe()).toThrow("a process runs");
    harness.crash(life);
    disk.wipe();
    expect([disk.durableLog(), disk.durableApplied(), disk.isStoreLost()]).toEqual([undefined, 0n, true]);
    expect(disk.tampered).toBe(1);
    for (let i = 0; i < 2; i += 1) {
      disk.restore(image);
      expect(disk.durableLog()).toEqual(before);
      expect(disk.explains("corruptLog")).toBe(true);
      const again = new TestLife();
      const old = harness.must(() => openOn(harness, again, new Random(2)));
      expect([old.log.lastIndex(), old.identity.memberId]).toEqual([5n, directory.identity.memberId]);
      harness.must(() => old.log.append({ hardState: undefined, entries: entriesOf(6, 9) }));
      harness.crash(again);
    }
    disk.wipe();
    const blank = harness.must(() => openOn(harness, new TestLife(), new Random(3)));
    expect(blank.identity.memberId).not.toBe(directory.identity.memberId);
    expect([harness.coverage.get("disk.wiped"), harness.coverage.get("disk.old-copy")]).toEqual([2, 2]);
  }),
);

test(
  "a bit that flips is found at the next start or the next read, and explains that alone (B7)",
  inWorld(() => {
    const ends = new Set<string>();
    for (let seed = 1; seed <= 60; seed += 1) {
      const { harness, life } = startMember(seed);
      const part = seed % 2 === 0 ? "raft" : "store";
      expect(harness.disk.flipBit(part)).toBe(true);
      expect(harness.disk.explains(part === "raft" ? "corruptLog" : "corruptStore")).toBe(true);
      expect(harness.disk.explains(part === "raft" ? "corruptStore" : "corruptLog")).toBe(false);
      harness.crash(life);
      const outcome = harness.run(() => openOn(harness, new TestLife(), new Random(9)));
      const found = outcome.kind === "failed" ? (outcome.error as { reason: string }).reason : "";
      const read = outcome.kind === "done" ? readAll(outcome.value) : "";
      ends.add(`${part} ${found}${read}`);
    }
    // The configuration that the log was compacted with is not there yet; every other record is read.
    expect(ends).toEqual(new Set(["raft corruptLog", "store corruptStore", "store set aside"]));
  }),
);

/** How the damage of a store is found: at the start, by the scrub, or not at all. */
function readAll(directory: DataDirectory): string {
  if (directory.notes.length > 0) return "set aside";
  try {
    while (!directory.store.scrubStep({ maxRecords: 100, maxBytes: 1e6 }).passed);
  } catch (error) {
    return (error as { reason: string }).reason;
  }
  return "nothing";
}

test(
  "the same seed does the same to the same calls",
  inWorld(() => {
    const run = (seed: number): string => {
      const { harness, life, directory } = startMember(seed);
      void directory.log.append({ hardState: undefined, entries: entriesOf(6, 30) });
      void directory.snapshots.create();
      for (let i = 0; i < 12; i += 1) harness.world.step(harness.world.nowUs + 1e6);
      const { nowUs } = harness.world;
      const after = restart(harness, life);
      return `${nowUs} ${harness.world.nowUs} ${after.log.lastIndex()} ${after.notes} ${harness.coverage.entries()}`;
    };
    const found = Array.from({ length: 20 }, (_, i) => run(i));
    expect(found).toEqual(Array.from({ length: 20 }, (_, i) => run(i)));
    expect(new Set(found).size).toBe(20);
  }),
);

test(
  "stalls and slow flushes take their time and are counted",
  inWorld(() => {
    const { harness, directory } = startMember();
    const { disk, world, coverage } = harness;
    const took = (): number => {
      const begun = world.nowUs;
      harness.must(() => directory.log.append({ hardState: undefined, entries: [] }));
      return world.nowUs - begun;
    };
    disk.setWeather({ flushMinUs: 20_000, flushMaxUs: 30_000, stallChance: 0, stallMeanUs: 0 });
    expect(took()).toBeGreaterThanOrEqual(20_000);
    expect(coverage.get("disk.slow")).toBe(1);
    expect(disk.explains("diskFailed")).toBe(false);
    disk.setWeather({ flushMinUs: 100, flushMaxUs: 100, stallChance: 1, stallMeanUs: 8_000_000 });
    while (took() < 1_000_000);
    expect(disk.explains("diskFailed")).toBe(true);
    expect(coverage.get("disk.stalled")).toBeGreaterThan(0);
  }),
);
