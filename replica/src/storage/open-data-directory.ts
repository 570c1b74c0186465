import { dirname, join, resolve } from "node:path";
import { FatalError } from "../errors.ts";
import { appliedOf, hex, initialConfiguration, LocalDirectory } from "./data-directory.ts";
import { releaseReserveIfFull } from "./disk-space.ts";
import { FatalGate } from "./fatal-gate.ts";
import { type Layout, layoutOf, unusable } from "./layout.ts";
import type { FileSystem, Machine } from "./machine.types.ts";
import { type OpenContext, type OpenedRaft, openRaft } from "./open-raft.ts";
import { openStore } from "./open-store.ts";
import { RaftLog } from "./raft-log.ts";
import type { StoreBackend } from "./store-backend.ts";
import { SuperblockWriter } from "./superblock.ts";
import { systemMachine } from "./system/system-machine.ts";
import type { DataDirectory, OpenOptions } from "./types.ts";

const mebibyte = 1024 * 1024;

/** Entries read, and so verified, when the directory is opened; they fill the cache. */
const warmMaxBytes = 8 * mebibyte;

/**
 * Opens the data of one member, or makes it on a blank directory. The order is the rule: lock, finish what a
 * crash left half done, flush and check each file before it is mapped, count the incarnation up durably,
 * compare what must not go back, bring the log in line with the store. Nothing may be sent before this
 * resolves. Throws FatalError with the exit code to end with.
 */
export async function openDataDirectory(path: string, options: OpenOptions): Promise<DataDirectory> {
  const layout = layoutOf(resolve(path));
  const machine = options.machine ?? systemMachine;
  await makeDirectory(machine.files, layout.directory);
  const unlock = machine.lockDirectory(layout.lock, layout.directory);
  try {
    return await openLocked({ layout, machine, options }, unlock);
  } catch (error) {
    unlock();
    throw unusable(layout.directory, error);
  }
}

async function makeDirectory(files: FileSystem, path: string): Promise<void> {
  try {
    const first = await files.makeFolder(path);
    for (let made = path; first !== undefined && made !== first; made = dirname(made)) {
      await files.syncFolder(dirname(made));
    }
    // Also when it was there: a start before this one may have ended between making it and this (B9).
    await files.syncFolder(dirname(first ?? path)).catch(ignoreUnreadable);
    if (!(await files.stat(path))?.isFolder) throw new Error("it is not a directory");
  } catch (error) {
    throw unusable(path, error);
  }
}

/** The folder above may be another user's: then this process did not make anything in it either. */
function ignoreUnreadable(error: unknown): void {
  const { code } = error as { code?: unknown };
  if (code !== "EACCES" && code !== "EPERM") throw error;
}

interface Place {
  readonly layout: Layout;
  readonly machine: Machine;
  readonly options: OpenOptions;
}

async function openLocked(place: Place, unlock: () => void): Promise<LocalDirectory> {
  const { layout, machine, options } = place;
  const context: OpenContext = { ...place, gate: new FatalGate(options.onFatal), notes: [] };
  if (await releaseReserveIfFull(machine.files, layout.reserve, options.faults)) {
    context.notes.push("the disk is full: the reserve was given up to start");
  }
  await finishReset(context);
  await machine.files.remove(layout.snapshots);
  const raft = await openRaft(context);
  try {
    const { store, lost } = await openStore(context);
    try {
      return await assemble(context, { raft, store, lost, unlock });
    } catch (error) {
      await store.environment.close();
      throw error;
    }
  } catch (error) {
    await raft.environment.close();
    throw error;
  }
}

interface Opened {
  readonly raft: OpenedRaft;
  readonly store: StoreBackend;
  readonly lost: string | undefined;
  readonly unlock: () => void;
}

async function assemble(
  context: OpenContext,
  { raft, store, lost, unlock }: Opened,
): Promise<LocalDirectory> {
  const { layout, machine, options, gate } = context;
  const { files } = machine;
  checkCluster(raft, store);
  const superblock = await SuperblockWriter.open(files, layout.superblock, raft.superblockSequence);
  await files.syncFolder(layout.directory);
  const log = new RaftLog({
    environment: raft.environment,
    bounds: raft.bounds,
    identity: raft.identity,
    cacheMaxBytes: options.logCacheMaxBytes ?? 64 * mebibyte,
    durableApplied: durableAppliedOf(store, options),
    onFlushed: options.logFlushed,
    onCompacted: () => directory.writeSuperblock(),
  });
  const directory = new LocalDirectory({
    context,
    log,
    store,
    superblock,
    unlock,
    baseConfiguration: raft.baseConfiguration,
    reopen: async (left) => {
      await moveAway(context, left === "blank" ? blankMark : hex(raft.identity.memberId));
      return openLocked({ layout, machine, options }, unlock);
    },
  });
  try {
    log.warm(warmMaxBytes);
    await directory.align(lost);
    await directory.writeSuperblock();
    await files.syncFolder(layout.directory);
  } catch (error) {
    await superblock.close();
    throw error;
  }
  gate.arm();
  return directory;
}

function checkCluster({ identity }: OpenedRaft, store: StoreBackend): void {
  const clusterId = store.meta()?.clusterId ?? 0n;
  if (clusterId === 0n || clusterId === identity.clusterId) return;
  throw new FatalError(
    "wrongDirectory",
    `store/ belongs to cluster ${hex(clusterId)} and raft/ does not: put the right folders together again`,
  );
}

function durableAppliedOf(store: StoreBackend, { decodeConfiguration }: OpenOptions) {
  return {
    initial: () => {
      const meta = store.meta();
      return {
        appliedIndex: appliedOf(meta).index,
        configuration: initialConfiguration(meta, decodeConfiguration),
      };
    },
    applied: () => {
      const meta = store.meta();
      return {
        index: appliedOf(meta).index,
        configurationIndex: meta?.configurationIndex ?? 0n,
        configuration: meta?.configuration ?? new Uint8Array(),
      };
    },
  };
}

/** In the place of a member id: there is no data, and what was kept before stays. */
const blankMark = "blank";

/** Notes which member's data goes, then moves it: a crash in between is finished at the next start. */
async function moveAway(context: OpenContext, mark: string): Promise<void> {
  const { layout, machine } = context;
  await machine.files.writeFile(layout.resetMark, mark);
  await finishReset(context);
}

async function finishReset(context: OpenContext): Promise<void> {
  const { layout, machine, options } = context;
  const { files } = machine;
  // Who made or removed the mark may have been killed before it was flushed (B9).
  await files.syncFolder(layout.directory);
  const mark = (await files.readFile(layout.resetMark))?.toString();
  if (mark === undefined) return;
  if (mark !== blankMark && !/^[0-9a-f]{16}$/.test(mark)) {
    // Torn before anything was moved.
    await files.remove(layout.resetMark);
    return;
  }
  await flushFile(files, layout.resetMark);
  options.faults?.atStep?.("reset: marked");
  const target = mark === blankMark ? undefined : join(layout.directory, `removed-${mark}`);
  if (target !== undefined) await makeRoomFor(files, layout, target);
  // The log last: as long as it is there, nothing takes the directory for a blank one.
  for (const name of ["snapshots", "incoming", "damaged-store", "store", "superblock", "raft"]) {
    const from = join(layout.directory, name);
    if (target === undefined) await files.remove(from);
    else if (await files.stat(from)) await files.rename(from, join(target, name));
    options.faults?.atStep?.(`reset: ${name}`);
  }
  if (target !== undefined) await files.syncFolder(target);
  await files.syncFolder(layout.directory);
  options.faults?.atStep?.("reset: moved");
  await files.remove(layout.resetMark);
  await files.syncFolder(layout.directory);
}

/** The data of one removed member is kept. */
async function makeRoomFor(files: FileSystem, { directory }: Layout, target: string): Promise<void> {
  for (const name of await files.list(directory)) {
    const path = join(directory, name);
    if (name.startsWith("removed-") && path !== target) await files.remove(path);
  }
  await files.makeFolder(target);
}

async function flushFile(files: FileSystem, path: string): Promise<void> {
  const file = await files.open(path, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
