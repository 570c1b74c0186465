import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorDetailSchema, Reason } from "@rstore/proto/rstore/v1/kv";

/** A call to a replica that failed. */
export class ReplicaCallError extends Error {
  /** undefined: it did not answer, or something else answers there. */
  readonly reason: Reason | undefined;
  /** Of the configuration in force, or of a removal; 0n when the reason has none. */
  readonly index: bigint;

  constructor(message: string, reason: Reason | undefined, options: ErrorOptions & { index?: bigint } = {}) {
    super(message, options);
    this.name = "ReplicaCallError";
    this.reason = reason;
    this.index = options.index ?? 0n;
  }
}

/** @param what what was asked, for the message: "GetIdentity of 10.0.0.7" */
export function replicaCallError(error: unknown, what: string): ReplicaCallError {
  const connectError = ConnectError.from(error, Code.Unavailable);
  const [detail] = connectError.findDetails(ErrorDetailSchema);
  const reason = detail?.reason === Reason.UNSPECIFIED ? undefined : detail?.reason;
  return new ReplicaCallError(`${what}: ${connectError.rawMessage}`, reason, {
    cause: error,
    index: detail?.index ?? 0n,
  });
}

/** A member that was named in a change was removed before, at `index`: its id can't come back (A7). */
export function isRemovedRefusal(error: unknown): error is ReplicaCallError {
  return error instanceof ReplicaCallError && error.reason === Reason.MEMBER_REMOVED;
}
