import { FatalError } from "@rstore/replica/errors";
import { diskReason } from "@rstore/replica/storage/io-error";
import { readSuperblock } from "@rstore/replica/storage/superblock";
import { clusterId, entriesOf, hardState } from "@rstore/replica/storage/testing/fixtures";
import { type DataDirectory, StorageError } from "@rstore/replica/storage/types";
import { beforeAll, expect, test } from "vitest";
import { fromEventLoop } from "../world/microtasks.ts";
import { Random } from "../world/random.ts";
import { DiskHarness, inWorld, TestLife } from "./disk-harness.ts";
import type { SimulatedDisk } from "./sim-disk.ts";
import {
  contentsAt,
  type DonatedSnapshot,
  donate,
  type LogImage,
  openOn,
  StorageScript,
} from "./storage-script.ts";
import type { DiskPart } from "./types.ts";

let donated: DonatedSnapshot;

beforeAll(
  inWorld(() => {
    const harness = new DiskHarness(1);
    donated = harness.must(async () => donate(await openOn(harness, new TestLife(), new Random(1))));
  }),
);

interface Run {
  readonly harness: DiskHarness;
  readonly script: StorageScript;
  readonly calls: number;
}

type Part = (script: StorageScript) => Promise<void>;

/** Runs the script until the call with that number, at which the process dies. */
function runUntilCall(seed: number, callsLeft: number, part: Part = (script) => script.run()): Run {
  const harness = new DiskHarness(seed);
  const life = new TestLife();
  let calls = 0;
  harness.disk.onCall = () => {
    calls += 1;
    if (calls === callsLeft) harness.crash(life);
  };
  const script = new StorageScript(harness, life, donated);
  const outcome = harness.run(() => part(script), life);
  harness.disk.onCall = undefined;
  if (outcome.kind === "failed") throw outcome.error;
  if (!life.isOver) harness.crash(life);
  return { harness, script, calls };
}

/** Starts the process again. */
function start({ harness }: Run): DataDirectory {
  return harness.must(() => openOn(harness, new TestLife(), harness.world.random(`${harness.world.nowUs}`)));
}

/** A start that dies at that call, or when it is done. */
function cutOffStart({ harness }: Run, callsLeft: number): void {
  const life = new TestLife();
  let left = callsLeft;
  harness.disk.onCall = () => {
    left -= 1;
    if (left === 0) harness.crash(life);
  };
  const outcome = harness.run(() => openOn(harness, life, harness.world.random("cut off")), life);
  harness.disk.onCall = undefined;
  if (outcome.kind === "failed") throw outcome.error;
  if (!life.isOver) harness.crash(life);
}

function isImage({ log, identity }: DataDirectory, image: LogImage): boolean {
  const { term, lastIndex, commit } = log.durablePosition();
  const { vote } = log.initialState().hardState;
  if (image.member !== 0n && image.member !== identity.memberId) return false;
  if (`${term} ${vote} ${commit}` !== image.hardState || lastIndex !== image.lastIndex) return false;
  if (log.firstIndex() > lastIndex) return true;
  const entries = log.entries(log.firstIndex(), lastIndex + 1n, Number.POSITIVE_INFINITY);
  return entries.every((entry) => image.terms.get(entry.index) === entry.term);
}

function verify(directory: DataDirectory, script: StorageScript, isRebuilt = false): void {
  expect(directory.start).toEqual({ kind: "ready" });
  const image = script.logs.possible().find((possible) => isImage(directory, possible));
  expect(image, "the log is none of those that were asked for since the last acknowledgement").toBeDefined();
  const applied = Number(directory.log.initialState().appliedIndex);
  if (!isRebuilt || applied > 0) expect(script.stores.possible()).toContain(applied);
  const contents = [...directory.store.scan("cur", { start: new Uint8Array(), end: undefined })];
  const found = new Map(contents.map(([key, value]) => [`${key}`, `${value}`] as const));
  expect(found).toEqual(applied === 0 ? new Map() : contentsAt(applied));
  const { identity } = directory;
  expect(identity.incarnation).toBeGreaterThan(image!.member === 0n ? 0n : script.incarnation);
  if (image!.member === 0n && script.logs.possible().length > 1) return;
  if (script.isStamped) expect(identity.clusterId).toBe(clusterId);
  if (script.isRemoved) expect(identity.removedIndex).toBe(50n);
}

/** What must not go back is remembered beside the log as well (B10). */
function verifySuperblock({ harness, script }: Run): void {
  if (script.incarnation === 0n || script.resetBegan) return;
  const { files } = harness.disk.machine(new TestLife());
  const found = harness.must(() => readSuperblock(files, `${harness.disk.directory}/superblock`));
  expect(found).toMatchObject({ kind: "found" });
  if (found.kind !== "found") return;
  expect(found.superblock.incarnation).toBeGreaterThanOrEqual(script.incarnation);
  if (script.isStamped) expect(found.superblock.clusterId).toBe(clusterId);
}

/** It works on: what is written now is there after one more start. */
function goOn(run: Run, directory: DataDirectory): void {
  const last = Number(directory.log.lastIndex());
  run.harness.must(async () => {
    await directory.log.append({
      hardState: hardState(9, 7n, last),
      entries: entriesOf(last + 1, last + 1, 9),
    });
    await directory.close();
  });
  const again = start(run);
  expect(again.log.lastIndex()).toBe(BigInt(last + 1));
  run.harness.must(() => again.close());
}

const seeds = [1, 2, 3];

test(
  "cut off at any call, storage opens again with what it acknowledged, whole (B4, B6, B8, B9, B10)",
  inWorld(() => {
    const { calls } = runUntilCall(1, Number.POSITIVE_INFINITY);
    expect(calls).toBeGreaterThan(150);
    for (let call = 1; call <= calls; call += 1) {
      for (const seed of seeds) {
        try {
          const run = runUntilCall(seed, call);
          verifySuperblock(run);
          // A start may be cut off as well, and the start after it.
          const chance = new Random(seed, `${call}`);
          if (chance.chance(0.5)) cutOffStart(run, chance.between(1, 40));
          const directory = start(run);
          verify(directory, run.script);
          goOn(run, directory);
        } catch (error) {
          throw new Error(`at call ${call} of seed ${seed}: ${(error as Error).message}`, { cause: error });
        }
      }
    }
  }),
  120_000,
);

interface Strike {
  readonly name: string;
  readonly strike: (disk: SimulatedDisk, random: Random) => void;
  /** What the next start finds may be damaged, or was taken for it and set aside. */
  readonly lasts?: boolean;
}

const parts: readonly DiskPart[] = ["raft", "store", "superblock", "snapshot"];

const strikes: readonly Strike[] = [
  { name: "a flush that fails (B5)", strike: (disk, random) => disk.failNextFlush(random.pick(parts)) },
  {
    name: "a read that fails",
    strike: (disk, random) => disk.failNextRead(random.pick(parts)),
    lasts: true,
  },
  { name: "a full disk (B11)", strike: (disk, random) => disk.setFreeBytes(random.between(0, 20_000)) },
  { name: "a frozen disk (B12)", strike: (disk) => disk.freeze() },
  {
    name: "a bit that flips (B7)",
    strike: (disk, random) => void disk.flipBit(random.pick(parts)),
    lasts: true,
  },
];

test.each(strikes)(
  "$name ends storage only for reasons that the disk explains, and takes nothing that was acknowledged",
  ({ strike, lasts }) =>
    fromEventLoop(() => {
      let ended = 0;
      for (let seed = 1; seed <= 150; seed += 1) {
        const harness = new DiskHarness(seed);
        const random = new Random(seed, "strike");
        const life = new TestLife();
        let left = random.between(1, 180);
        harness.disk.onCall = () => {
          left -= 1;
          if (left === 0) strike(harness.disk, random);
        };
        const script = new StorageScript(harness, life, donated);
        const outcome = harness.run(() => script.run(), life);
        harness.disk.onCall = undefined;
        try {
          if (outcome.kind === "failed") checkEnd(harness, outcome.error);
          if (outcome.kind !== "done") ended += 1;
          harness.crash(life);
          harness.disk.setFreeBytes(undefined);
          harness.disk.thaw();
          const again = startAfterStrike(harness, lasts);
          if (again?.start.kind === "ready" || !lasts) verifyAfterStrike(harness, again!, script);
        } catch (error) {
          throw new Error(`with seed ${seed}: ${(error as Error).message}`, { cause: error });
        }
      }
      expect(ended).toBeGreaterThan(5);
    }),
  120_000,
);

/** What still waits to fail may fail that start, and not the one after it. */
function startAfterStrike(harness: DiskHarness, lasts = false): DataDirectory | undefined {
  const life = new TestLife();
  const start = harness.run(() => openOn(harness, life, harness.world.random("again")));
  if (start.kind === "done") return start.value;
  if (start.kind === "failed") checkEnd(harness, start.error);
  if (lasts) return undefined;
  harness.crash(life);
  return harness.must(() => openOn(harness, new TestLife(), harness.world.random("at last")));
}

/** What is damaged may be found only when it is read. */
function verifyAfterStrike(harness: DiskHarness, directory: DataDirectory, script: StorageScript): void {
  try {
    // A store that was set aside begins anew when the log holds everything.
    verify(directory, script, directory.notes.length > 0);
  } catch (error) {
    if (!(error instanceof FatalError)) throw error;
    checkEnd(harness, error);
  }
}

/** A process must not blame itself, or something else, for what the disk did. Reasons as the runtime has them. */
function checkEnd({ disk }: DiskHarness, error: unknown): void {
  if (error instanceof StorageError) {
    // Refused, and asked for again later: no end.
    if (error.code === "noSpace" && disk.explains("diskFull")) return;
    if (error.code === "badSnapshot" && disk.tampered > 0) return;
  }
  const reason = error instanceof FatalError ? error.reason : (diskReason(error) ?? "internal");
  if (!disk.explains(reason)) throw error;
}

test(
  "a reset that is cut off, and again at the start that finishes it, ends whole (B9)",
  inWorld(() => {
    const reset: Part = (script) => script.runReset();
    const { calls } = runUntilCall(1, Number.POSITIVE_INFINITY, reset);
    for (let call = calls - 60; call <= calls - 20; call += 1) {
      for (let again = 1; again <= 24; again += 1) {
        try {
          const run = runUntilCall(call * 100 + again, call, reset);
          cutOffStart(run, again);
          verify(start(run), run.script);
        } catch (error) {
          throw new Error(`at calls ${call} and ${again}: ${(error as Error).message}`, { cause: error });
        }
      }
    }
  }),
  120_000,
);
