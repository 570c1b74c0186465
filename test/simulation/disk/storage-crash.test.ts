import { clusterId, entriesOf, hardState } from "@rstore/replica/storage/testing/fixtures";
import type { DataDirectory } from "@rstore/replica/storage/types";
import { beforeAll, expect, test } from "vitest";
import { Random } from "../world/random.ts";
import { DiskHarness, inWorld, TestLife } from "./disk-harness.ts";
import {
  contentsAt,
  type DonatedSnapshot,
  donate,
  type LogImage,
  openOn,
  StorageScript,
} from "./storage-script.ts";

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

/** Runs the script until the call with that number, at which the process dies. */
function runUntilCall(seed: number, callsLeft: number): Run {
  const harness = new DiskHarness(seed);
  const life = new TestLife();
  let calls = 0;
  harness.disk.onCall = () => {
    calls += 1;
    if (calls === callsLeft) harness.crash(life);
  };
  const script = new StorageScript(harness, life, donated);
  const outcome = harness.run(() => script.run(), life);
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

function verify(directory: DataDirectory, script: StorageScript): void {
  expect(directory.start).toEqual({ kind: "ready" });
  const image = script.logs.possible().find((possible) => isImage(directory, possible));
  expect(image, "the log is none of those that were asked for since the last acknowledgement").toBeDefined();
  const applied = Number(directory.log.initialState().appliedIndex);
  expect(script.stores.possible()).toContain(applied);
  const contents = [...directory.store.scan("cur", { start: new Uint8Array(), end: undefined })];
  const found = new Map(contents.map(([key, value]) => [`${key}`, `${value}`] as const));
  expect(found).toEqual(applied === 0 ? new Map() : contentsAt(applied));
  const { identity } = directory;
  expect(identity.incarnation).toBeGreaterThan(image!.member === 0n ? 0n : script.incarnation);
  if (image!.member === 0n && script.logs.possible().length > 1) return;
  if (script.isStamped) expect(identity.clusterId).toBe(clusterId);
  if (script.isRemoved) expect(identity.removedIndex).toBe(50n);
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

const seeds = [1, 2, 3, 4];

test(
  "cut off at any call, storage opens again with what it acknowledged, whole (B4, B6, B8, B9, B10)",
  inWorld(() => {
    const { calls } = runUntilCall(1, Number.POSITIVE_INFINITY);
    expect(calls).toBeGreaterThan(150);
    for (let call = 1; call <= calls; call += 1) {
      for (const seed of seeds) {
        try {
          const run = runUntilCall(seed, call);
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
