import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorDetailSchema, Reason } from "@rstore/proto/rstore/v1/kv";

/** A call to a replica that failed. */
export class ReplicaCallError extends Error {
  /** undefined: it did not answer, or something else answers there. */
  readonly reason: Reason | undefined;

  constructor(message: string, reason: Reason | undefined, options?: ErrorOptions) {
    super(message, options);
    this.name = "ReplicaCallError";
    this.reason = reason;
  }
}

/** @param what what was asked, for the message: "GetIdentity of 10.0.0.7" */
export function replicaCallError(error: unknown, what: string): ReplicaCallError {
  const connectError = ConnectError.from(error, Code.Unavailable);
  const [detail] = connectError.findDetails(ErrorDetailSchema);
  const reason = detail?.reason === Reason.UNSPECIFIED ? undefined : detail?.reason;
  return new ReplicaCallError(`${what}: ${connectError.rawMessage}`, reason, { cause: error });
}
