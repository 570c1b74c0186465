import type { MemberId, RaftOptions } from "../raft/types.ts";
import type { ReplicaConfig } from "./config.ts";
import type { RuntimeLimits } from "./limits.ts";

/**
 * Ticks that may pass without a turn, however long nothing is due. Time in which the process stood still counts
 * as far as one sleep reaches, and must never be most of an election timeout.
 */
export function sleepMaxTicks({ electionTimeoutTicks, heartbeatTicks }: RaftOptions): number {
  return Math.max(1, Math.min(heartbeatTicks, Math.floor(electionTimeoutTicks / 4)));
}

interface RaftOptionsParts {
  readonly config: ReplicaConfig;
  readonly limits: RuntimeLimits;
  readonly random: () => number;
}

export function raftOptions(id: MemberId, { config, limits, random }: RaftOptionsParts): RaftOptions {
  const ticks = (milliseconds: number): number => Math.max(1, Math.round(milliseconds / limits.tickMs));
  return {
    id,
    electionTimeoutTicks: ticks(config.electionTimeoutMs),
    heartbeatTicks: ticks(config.heartbeatIntervalMs),
    random,
    appendMaxBytes: limits.appendMaxBytes,
    inflightMaxMessages: limits.inflightMaxMessages,
    inflightMaxBytes: limits.inflightMaxBytes,
    uncommittedMaxBytes: limits.uncommittedMaxBytes,
    proposalMaxBytes: Math.max(config.requestMaxBytes * 2, 2 * limits.entryTargetBytes),
    committedMaxBytes: limits.committedMaxBytes,
    pendingReadsMax: limits.pendingReadsMax,
    promoteMaxLagEntries: BigInt(config.promoteMaxLagEntries),
    leaverMaxTicks: ticks(limits.leaverMaxMs),
  };
}
