import type { ServerResponse } from "node:http";
import { Code } from "@connectrpc/connect";
import { formatId } from "../runtime/membership.ts";
import type { ReplicaApi, ReplicaError } from "../runtime/replica-api.ts";
import { codeFromReason } from "./errors.ts";
import type { NodeResponse } from "./node-request.ts";

/** An answer of a plain route before it is sent. */
export interface PlainAnswer {
  readonly status: number;
  /** JSON text, or bytes as they are. */
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** JSON from fields whose values are JSON texts already. */
export function jsonObject(fields: Readonly<Record<string, string | undefined>>): string {
  const members = Object.entries(fields).filter(([, value]) => value !== undefined);
  return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`;
}

export function jsonAnswer(status: number, value: unknown, headers?: Record<string, string>): PlainAnswer {
  return { status, body: JSON.stringify(value), ...(headers && { headers }) };
}

export function sendAnswer(response: NodeResponse, answer: PlainAnswer, withoutBody: boolean): number {
  const isText = typeof answer.body === "string";
  const body = isText ? Buffer.from(`${answer.body}\n`) : (answer.body as Uint8Array);
  (response as ServerResponse).writeHead(answer.status, {
    "content-type": isText ? "application/json" : "application/octet-stream",
    "content-length": body.length,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...answer.headers,
  });
  if (withoutBody) (response as ServerResponse).end();
  else (response as ServerResponse).end(body);
  return body.length;
}

/** An id as 16 hexadecimal digits; null when there is none. */
export function shownId(id: bigint): string | null {
  return id === 0n ? null : formatId(id);
}

export function currentRole(api: ReplicaApi): string {
  const { memberId, leaderId } = api.answerState();
  return leaderId !== 0n && memberId === leaderId ? "leader" : api.status().role;
}

/** The body names the reason, and for a write whether it may have been applied. */
export function errorAnswer(api: ReplicaApi, error: ReplicaError): PlainAnswer {
  const { leaderId } = api.answerState();
  if (error.reason === "not-leader") {
    const body = {
      error: "Not the leader",
      currentRole: currentRole(api),
      leaderId: shownId(error.detail.leaderId ?? leaderId),
      ...(error.detail.leaderClientUrl && { leaderUrl: error.detail.leaderClientUrl }),
      outcome: error.outcome,
    };
    return jsonAnswer(503, body);
  }
  const { subject, limit, revision } = error.detail;
  const body = {
    error: error.message,
    reason: error.reason,
    ...(error.outcome !== "unspecified" && { outcome: error.outcome }),
    ...(subject !== undefined && { subject }),
    ...(limit !== undefined && { limit }),
    ...(revision !== undefined && { revision: revision.toString() }),
  };
  return jsonAnswer(httpStatus(error), body);
}

function httpStatus(error: ReplicaError): number {
  if (error.reason === "too-large") return 413;
  if (error.reason === "no-space") return 507;
  if (error.reason === "outcome-unknown") return 504;
  const code = codeFromReason(error.reason);
  switch (code) {
    case Code.InvalidArgument:
    case Code.OutOfRange:
      return 400;
    case Code.ResourceExhausted:
      return 429;
    case Code.Aborted:
    case Code.AlreadyExists:
    case Code.FailedPrecondition:
      return 409;
    case Code.Unimplemented:
      return 501;
    case Code.Unavailable:
      return 503;
    case Code.DeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}
