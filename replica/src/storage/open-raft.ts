import { assert } from "../assert.ts";
import { FatalError } from "../errors.ts";
import type { MemberId } from "../raft/types.ts";
import { Environment, type EnvironmentName } from "./environment.ts";
import type { FatalGate } from "./fatal-gate.ts";
import { isDamage } from "./io-error.ts";
import { type Layout, markDamaged } from "./layout.ts";
import { indexOfKey } from "./log-record.ts";
import {
  type BaseConfiguration,
  baseConfigurationKey,
  boundsKey,
  type Decoded,
  decodeBaseConfiguration,
  decodeBounds,
  decodeIdentity,
  emptyBounds,
  encodeBounds,
  encodeIdentity,
  identityKey,
  type LogBounds,
} from "./log-state.ts";
import type { Machine } from "./machine.types.ts";
import { tables as storeTables } from "./store-backend.ts";
import { readSuperblock, type Superblock } from "./superblock.ts";
import { systemAfter } from "./system/system-machine.ts";
import type { OpenOptions, StorageIdentity } from "./types.ts";

export interface OpenContext {
  readonly layout: Layout;
  readonly machine: Machine;
  readonly options: OpenOptions;
  readonly gate: FatalGate;
  readonly notes: string[];
}

export interface OpenedRaft {
  readonly environment: Environment;
  readonly identity: StorageIdentity;
  readonly bounds: LogBounds;
  readonly baseConfiguration: BaseConfiguration | undefined;
  /** Sequence of the superblock that was found; 0n: none. */
  readonly superblockSequence: bigint;
}

export function openEnvironment(
  { layout, machine, options, gate }: OpenContext,
  name: EnvironmentName,
  file: string,
): Environment {
  return new Environment({
    name,
    machine,
    file,
    tables: name === "raft" ? ["meta", "log"] : storeTables,
    gate,
    damaged: (what, cause) => {
      if (name === "raft") return gate.raise("corruptLog", corruptLogMessage(what), cause);
      if (name === "store") markDamaged(machine.files, layout, what);
      return gate.raise("corruptStore", corruptStoreMessage(what), cause);
    },
    commitDeadlineMs: options.commitDeadlineMs ?? 30_000,
    after: options.after ?? systemAfter,
    faults: options.faults ?? {},
  });
}

/** A damaged log may have held what was acknowledged: this member must not go on (B7). */
function corruptLogMessage(what: string): string {
  return (
    `raft/ is damaged: ${what}. Entries that this member acknowledged may be lost, so it must not vote or ` +
    "lead again: remove it from the cluster and add a new, empty member in its place"
  );
}

function corruptStoreMessage(what: string): string {
  return `store/ is damaged: ${what}. Start again: it is set aside, and rebuilt or fetched from another member`;
}

function corrupt(what: string, cause?: unknown): FatalError {
  return new FatalError("corruptLog", corruptLogMessage(what), { cause });
}

/** Opens `raft/`, or makes it on a blank directory, and counts the incarnation up durably. */
export async function openRaft(context: OpenContext): Promise<OpenedRaft> {
  const { layout, machine } = context;
  const { files } = machine;
  const found = await readSuperblock(files, layout.superblock);
  if (found.kind === "unknownFormat") throw unknownFormat("the data directory", found.version);
  const fresh = await isBlank(context, found.kind !== "missing");
  await files.makeFolder(layout.raft);
  let environment: Environment;
  try {
    environment = openEnvironment(context, "raft", layout.raftFile);
  } catch (cause) {
    if (fresh) throw cause;
    throw corrupt(`the data file cannot be opened (${(cause as Error).message})`, cause);
  }
  try {
    const old = readState(environment);
    if (!old && !fresh && found.kind !== "missing") throw corrupt("it holds no identity");
    // Before store/ is made: a disk that has it and no raft/ is refused for ever (B9).
    await files.syncFolder(layout.raft);
    await files.syncFolder(layout.directory);
    const state = old ?? blankState(context);
    if (found.kind === "found") checkFloor(found.superblock, state);
    else if (old) context.notes.push("the superblock was missing or damaged and is written anew");
    const identity = { ...state.identity, incarnation: state.identity.incarnation + 1n };
    await writeFirst(environment, { ...state, identity });
    return {
      ...state,
      environment,
      identity,
      superblockSequence: found.kind === "found" ? found.sequence : 0n,
    };
  } catch (error) {
    await environment.close();
    throw isDamage(error) ? corrupt((error as Error).message, error) : error;
  }
}

/** The first transaction is so small that whatever the machine itself finds wrong with it lies in the file. */
async function writeFirst(environment: Environment, { identity, bounds }: RaftState): Promise<void> {
  try {
    await environment.commit(() => {
      const meta = environment.table("meta");
      meta.put(identityKey, encodeIdentity(identity));
      meta.put(boundsKey, encodeBounds(bounds));
    });
  } catch (error) {
    const cause = (error as FatalError).cause as { code?: unknown; message?: string } | undefined;
    if (typeof cause?.code === "number" && cause.code < 0) throw corrupt(`${cause.message}`, error);
    throw error;
  }
}

/** Throws corruptLog when `raft/` is lost or damaged: that is not a blank directory (B1, B10). */
async function isBlank({ layout, machine }: OpenContext, hasSuperblock: boolean): Promise<boolean> {
  const check = await machine.checkDataFile(layout.raftFile, { walk: true });
  if (check.kind === "damaged") throw corrupt(check.what);
  if (check.kind === "good") return false;
  if (hasSuperblock) throw corrupt(`the data file is ${check.kind}`);
  const store = await machine.files.stat(layout.storeFile);
  if (store && store.sizeBytes > 0) throw corrupt(`the data file is ${check.kind}, but store/ is there`);
  return true;
}

type RaftState = Pick<OpenedRaft, "identity" | "bounds" | "baseConfiguration">;

function blankState({ options }: OpenContext): RaftState {
  const identity = {
    memberId: drawMemberId(options.randomBytes),
    clusterId: undefined,
    incarnation: 0n,
    joinedIndex: undefined,
    removedIndex: undefined,
  };
  return { identity, bounds: emptyBounds, baseConfiguration: undefined };
}

export function drawMemberId(randomBytes: OpenOptions["randomBytes"]): MemberId {
  for (let i = 0; i < 16; i++) {
    const bytes = randomBytes(8);
    const id = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).readBigUInt64LE();
    if (id !== 0n) return id;
  }
  throw new FatalError("internal", "the source of random bytes gives only zeros");
}

/** undefined: the process ended in its first start, before the first commit. */
function readState(environment: Environment): RaftState | undefined {
  const meta = environment.table("meta");
  const identity = meta.get(identityKey);
  const bounds = meta.get(boundsKey);
  if (!identity && !bounds && environment.table("log").entryCount === 0) return undefined;
  if (!identity || !bounds) throw corrupt("the record of the identity or of the hard state is missing");
  const base = meta.get(baseConfigurationKey);
  const state = {
    identity: known("the identity", decodeIdentity(identity)),
    bounds: known("the hard state", decodeBounds(bounds)),
    baseConfiguration: base && known("the configuration", decodeBaseConfiguration(base)),
  };
  checkExtent(environment, state.bounds);
  return state;
}

function known<T>(what: string, decoded: Decoded<T>): T {
  if ("value" in decoded) return decoded.value;
  if (decoded.fault === "format") throw unknownFormat("raft/", undefined);
  throw corrupt(`the record of ${what} does not match its checksum`);
}

function unknownFormat(what: string, version: number | undefined): FatalError {
  const which = version === undefined ? "a format" : `format ${version}`;
  return new FatalError(
    "unknownFormat",
    `${what} has ${which} that this rstore does not know: use the version that wrote it, or a newer one`,
  );
}

/** The entries that are there must be exactly those that were made durable (B10). */
function checkExtent(environment: Environment, bounds: LogBounds): void {
  const log = environment.table("log");
  const { baseIndex, lastIndex, hardState } = bounds;
  const count = BigInt(log.entryCount);
  const [[first] = []] = log.range({ limit: 1 });
  const [[last] = []] = log.range({ limit: 1, reverse: true });
  const isWhole =
    count === lastIndex - baseIndex &&
    (count === 0n ||
      (first && last && indexOfKey(first) === baseIndex + 1n && indexOfKey(last) === lastIndex));
  if (!isWhole) {
    throw corrupt(
      `${count} entries are there, but those from ${baseIndex + 1n} to ${lastIndex} were written`,
    );
  }
  if (hardState.commit > lastIndex) {
    throw corrupt(`the log ends at ${lastIndex}, before the commit index ${hardState.commit}`);
  }
}

/** Outside of `raft/` it is written what must not go back. */
function checkFloor(floor: Superblock, { identity, bounds }: RaftState): void {
  const { hardState } = bounds;
  const clusterId = identity.clusterId ?? 0n;
  if (floor.memberId !== identity.memberId || (floor.clusterId !== 0n && floor.clusterId !== clusterId)) {
    throw new FatalError(
      "wrongDirectory",
      "raft/ and the superblock beside it belong to different members: put the right folders together again",
    );
  }
  assert(identity.incarnation >= 0n, "an incarnation below 0");
  const wentBack =
    identity.incarnation < floor.incarnation ||
    hardState.term < floor.term ||
    hardState.commit < floor.commit;
  if (wentBack) {
    throw corrupt(
      `it went back to term ${hardState.term}, commit ${hardState.commit}, start ${identity.incarnation}, from ` +
        `term ${floor.term}, commit ${floor.commit}, start ${floor.incarnation}: was an old copy put in its place?`,
    );
  }
}
