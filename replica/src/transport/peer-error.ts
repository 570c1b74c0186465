import type { PeerRefusal } from "./types.ts";

/** What can go wrong between members. */
export type PeerErrorCode =
  /** A frame whose checksum does not fit its content (C2). */
  | "checksum"
  /** Bytes that are not what the protocol says. */
  | "malformed"
  /** A message that is not from the opener of the stream to the opened (A14). */
  | "misdirected"
  /** More bytes than a limit allows. */
  | "too-large"
  /** The other end refused the hello; `refusal` says why. */
  | "refused"
  /** The other end does not have (any more) what was asked for. */
  | "not-found"
  /** No connection, or it broke. */
  | "unreachable"
  /** No answer, or no progress, in time. */
  | "timeout"
  /** A limit on the number of something is reached. */
  | "exhausted"
  /** The other end failed. */
  | "internal";

export class PeerError extends Error {
  readonly code: PeerErrorCode;
  readonly refusal: PeerRefusal | undefined;

  constructor(
    code: PeerErrorCode,
    message: string,
    options: { cause?: unknown; refusal?: PeerRefusal } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "PeerError";
    this.code = code;
    this.refusal = options.refusal;
  }
}

/** The other end answered a call with this before it looked at what it was asked. */
export function isCertainlyUnseen({ code }: PeerError): boolean {
  return code === "exhausted" || code === "checksum";
}

export function peerErrorFrom(error: unknown): PeerError {
  if (error instanceof PeerError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new PeerError("internal", message, { cause: error });
}
