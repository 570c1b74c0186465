import { loadConfig, type ReplicaConfig } from "@rstore/replica/runtime/config";
import { limits, type RuntimeLimits } from "@rstore/replica/runtime/limits";
import type { Shape } from "../plan/types.ts";
import type { Random } from "../world/random.ts";

const TICK_MIN_MS = 10;
const TICK_MAX_MS = 50;
const KIB = 1024;

/** Settings and bounds of the replicas of one run. */
export interface ReplicaSettings {
  readonly config: ReplicaConfig;
  readonly limits: RuntimeLimits;
  readonly snapshotChunkBytes: number;
  readonly logCacheMaxBytes: number;
}

/** What the shape says of settings, and the bounds that it does not name: as in production, or the smallest. */
export function drawSettings(shape: Shape, random: Random): ReplicaSettings {
  const { flushBytes, flushIntervalMs, logRetainedEntries, logRetainedBytes, logPinnedMaxBytes } =
    shape.limits;
  const config = loadConfig(
    {
      dataDir: "/data",
      electionTimeoutMs: shape.electionTimeoutMs,
      heartbeatIntervalMs: shape.heartbeatIntervalMs,
      flushBytes,
      flushIntervalMs,
      logRetainedEntries,
      logRetainedBytes,
      logPinnedMaxBytes,
      promoteMaxLagEntries: random.pick([0, 3, 1000]),
      reserveBytes: 64 * KIB,
      diskDeadlineMs: random.pick([5_000, 30_000]),
    },
    {},
  );
  return {
    config,
    limits: drawLimits(shape, random),
    snapshotChunkBytes: shape.limits.snapshotChunkBytes,
    logCacheMaxBytes: random.pick([1, 500, 5_000, 1024 * KIB]),
  };
}

function drawLimits(shape: Shape, random: Random): RuntimeLimits {
  const tiny = <T>(usual: T, small: readonly T[]): T => (random.chance(0.3) ? random.pick(small) : usual);
  const { appendMaxBytes, inflightMaxMessages, entryMaxOperations, compactionMarginEntries } = shape.limits;
  return {
    ...limits,
    tickMs: tickMsOf(shape),
    appendMaxBytes,
    inflightMaxMessages,
    entryMaxOperations,
    compactionMarginEntries: BigInt(compactionMarginEntries),
    inflightMaxBytes: tiny(limits.inflightMaxBytes, [1, 1000]),
    uncommittedMaxBytes: tiny(limits.uncommittedMaxBytes, [1, 1000]),
    committedMaxBytes: tiny(limits.committedMaxBytes, [1, 300]),
    applyTurnMaxBytes: tiny(limits.applyTurnMaxBytes, [1, 100]),
    pendingReadsMax: tiny(limits.pendingReadsMax, [1, 3]),
    readRequestsMax: tiny(limits.readRequestsMax, [1, 2]),
    appendsUnderWayMax: tiny<number>(limits.appendsUnderWayMax, [1, 5]),
    forwardTargetBytes: tiny(limits.forwardTargetBytes, [1, 300]),
    forwardsUnderWayMax: tiny(limits.forwardsUnderWayMax, [1, 2]),
    entryTargetBytes: tiny(limits.entryTargetBytes, [1, 200]),
    scanStepMaxKeys: tiny(limits.scanStepMaxKeys, [1, 3]),
    scanStepMaxBytes: tiny(limits.scanStepMaxBytes, [1, 200]),
    scrubMaxRecords: 50,
    // The world is small and quick: what takes minutes in a data centre takes seconds here.
    leaverMaxMs: random.pick([500, 5_000, limits.leaverMaxMs]),
    recoveryAskMs: 500,
    snapshotStalledMs: 4_000,
    snapshotRetryMs: 200,
  };
}

/** A third of a heartbeat: ticks are most of what an idle cluster does. */
function tickMsOf({ heartbeatIntervalMs }: Shape): number {
  return Math.min(TICK_MAX_MS, Math.max(TICK_MIN_MS, Math.floor(heartbeatIntervalMs / 30) * 10));
}
