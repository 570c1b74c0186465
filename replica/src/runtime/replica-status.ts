import { isVoter } from "../raft/confchange/configuration.ts";
import type { DataDirectory } from "../storage/types.ts";
import type { ReplicaConfig } from "./config.ts";
import type { Member } from "./member.ts";
import type { ReplicaStatus } from "./replica-api.ts";

interface StatusParts {
  readonly version: string;
  readonly config: ReplicaConfig;
  readonly directory: DataDirectory;
  readonly member: Member | undefined;
  readonly diskBytesAvailable: number;
  readonly diskRefused: boolean;
  readonly problems: readonly string[];
}

export function replicaStatus(parts: StatusParts): ReplicaStatus {
  const { directory, member, config } = parts;
  const { log, store } = directory;
  const state = member?.node.status();
  return {
    version: parts.version,
    role: roleOf(directory, member),
    firstIndex: log.firstIndex(),
    lastIndex: log.lastIndex(),
    commitIndex: state?.commit ?? 0n,
    appliedIndex: member?.machine.appliedIndex ?? 0n,
    durableAppliedIndex: member?.machine.durableAppliedIndex ?? 0n,
    configurationIndex: state?.configuration.index ?? 0n,
    joint: state?.joint ?? false,
    compactedRevision: member?.machine.store.compactedRevision ?? 0n,
    totalKeys: member?.machine.store.totalKeys ?? 0,
    storeBytesUsed: store.usage().usedBytes,
    storeBytesQuota: config.quotaBytes,
    logBytesUsed: log.usage().usedBytes,
    diskBytesAvailable: parts.diskBytesAvailable,
    diskRefused: parts.diskRefused,
    problems: parts.problems,
  };
}

function roleOf(directory: DataDirectory, member: Member | undefined): ReplicaStatus["role"] {
  if (directory.identity.removedIndex !== undefined) return "removed";
  if (member === undefined) return "uninitialized";
  const { configuration } = member.node.configuration;
  if (member.role === "follower" && !isVoter(configuration, member.id)) return "learner";
  return member.role;
}
