import type { AdmissionTimeouts } from "./admission.ts";

/** The times in which a connection must get on; the deadlines of calls are in RpcLimits. */
export interface ServerTimeouts extends AdmissionTimeouts {
  /** From the connection, or the end of the last request, to the last byte of the headers. */
  readonly headersTimeoutMs: number;
  /** How long an HTTP/1.1 connection is kept for a next request. */
  readonly keepAliveTimeoutMs: number;
  /** An HTTP/2 connection without a stream for this long is closed in peace: clients connect again. */
  readonly sessionIdleTimeoutMs: number;
  /** A quiet HTTP/2 connection is asked this often whether it still lives. */
  readonly pingIntervalMs: number;
  /** How long it has to answer. */
  readonly pingTimeoutMs: number;
  /** How often requests are looked through for those that make no progress. */
  readonly sweepIntervalMs: number;
}

export const defaultTimeouts: ServerTimeouts = {
  headersTimeoutMs: 10_000,
  bodyTimeoutMs: 30_000,
  sendTimeoutMs: 30_000,
  keepAliveTimeoutMs: 75_000,
  sessionIdleTimeoutMs: 600_000,
  pingIntervalMs: 60_000,
  pingTimeoutMs: 20_000,
  sweepIntervalMs: 1000,
};
