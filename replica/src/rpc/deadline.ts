import { Code } from "@connectrpc/connect";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import type { RpcLimits } from "../runtime/replica-api.ts";

const grpcUnitMs: Record<string, number> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** The value of a grpc-timeout header in milliseconds; undefined when it is malformed. */
export function parseGrpcTimeoutMs(value: string): number | undefined {
  const match = /^(\d{1,8})([HMSmun])$/.exec(value);
  return match ? Number(match[1]) * grpcUnitMs[match[2]!]! : undefined;
}

/** The value of a connect-timeout-ms header in milliseconds; undefined when it is malformed. */
export function parseConnectTimeoutMs(value: string): number | undefined {
  return /^\d{1,10}$/.test(value) ? Number(value) : undefined;
}

/**
 * When a call that arrived at `arrivedMs` must be answered, on the clock of `performance.now()`. A caller that
 * asks for longer than the most is given the most.
 */
export function deadlineFrom(arrivedMs: number, timeoutMs: number | undefined, limits: RpcLimits): number {
  return arrivedMs + Math.min(timeoutMs ?? limits.defaultTimeoutMs, limits.maxTimeoutMs);
}

/**
 * What a call is counted as whose caller did not wait for the answer. One that gave up at the deadline that it had
 * set found the store too slow, or down. It is nearly always gone before it could be told so: its clock began
 * before it connected. So whoever waited for half of its time counts as one that gave up.
 * @param waitedMs from the arrival of the call until its caller was gone
 */
export function unheardCode(waitedMs: number, timeoutMs: number | undefined): string {
  const gaveUp = timeoutMs !== undefined && waitedMs >= timeoutMs / 2;
  return codeToString(gaveUp ? Code.DeadlineExceeded : Code.Canceled);
}
