import { DivergedError } from "../apply/state-hashes.ts";
import { FatalError } from "../errors.ts";
import { LostEntriesError } from "../raft/log.ts";
import { diskReason } from "../storage/io-error.ts";
import { StorageError } from "../storage/types.ts";
import { ReplicaError } from "./replica-api.ts";

/** What the disk refuses, as callers are told it. */
export function storageRefusal(error: unknown): unknown {
  if (!(error instanceof StorageError)) return error;
  const reasons = {
    wrongCluster: "wrong-cluster",
    wrongMember: "wrong-member",
    alreadyInitialized: "already-initialized",
    notRemoved: "invalid-argument",
    noSpace: "no-space",
    badSnapshot: "internal",
  } as const;
  return new ReplicaError(reasons[error.code], error.message, { cause: error });
}

/** Why the process must end. */
export function asFatal(error: unknown): FatalError {
  if (error instanceof FatalError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof Error && error.name === "UnknownCommandError") {
    return new FatalError("unknownCommand", message, { cause: error });
  }
  if (error instanceof DivergedError) {
    const why = `${error.message}. Compare all members with \`rstore hash\`. Is it this one that differs: keep its data directory for an examination, remove the member and add a new, empty one. Do most replicas end like this: the leader's state is the wrong one, move leadership first`;
    return new FatalError("diverged", why, { cause: error });
  }
  if (error instanceof LostEntriesError) {
    const why = `the log ends before what this member had acknowledged (${message}): was an old copy put in its place? Remove the member from the cluster and add a new, empty one`;
    return new FatalError("corruptLog", why, { cause: error });
  }
  if (error instanceof Error && error.name === "UnknownFormatError") {
    return new FatalError("unknownFormat", message, { cause: error });
  }
  return new FatalError(diskReason(error) ?? "internal", message, { cause: error });
}
