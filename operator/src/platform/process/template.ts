import { createHash } from "node:crypto";
import type { EffectiveSpec } from "../../api/v1alpha1/effective-spec.ts";
import { bytesOf } from "../../api/v1alpha1/quantity.ts";

/** What processes are made from. */
export interface Template {
  /** Flags of rstore-replica, with their values. */
  readonly flags: readonly string[];
  /** Of the flags. */
  readonly hash: string;
}

/** The settings that spec means for every replica; what differs from slot to slot is not among them. */
export function templateFrom({
  raft,
  limits,
  storage,
  compaction,
  logLevel,
  tracing,
}: EffectiveSpec): Template {
  const quota =
    limits.storeQuota === undefined ? Math.floor(bytesOf(storage.size) / 2) : bytesOf(limits.storeQuota);
  const settings: Record<string, number | string | undefined> = {
    "heartbeat-interval-ms": Math.round(raft.heartbeatIntervalSeconds * 1_000),
    "election-timeout-ms": Math.round(raft.electionTimeoutSeconds * 1_000),
    "quota-bytes": quota,
    "request-max-bytes": limits.requestMax === undefined ? undefined : bytesOf(limits.requestMax),
    "connections-max": limits.connectionsMax,
    "compaction-keep-revisions": compaction?.keepRevisions,
    "compaction-keep-seconds": compaction?.keepSeconds,
    "log-level": logLevel,
    "trace-endpoint": tracing?.endpoint,
    "trace-sample-ratio": tracing?.sampleRatio,
  };
  const flags = Object.entries(settings).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, String(value)],
  );
  const hash = createHash("sha256").update(flags.join(" ")).digest("hex").slice(0, 16);
  return { flags, hash };
}
