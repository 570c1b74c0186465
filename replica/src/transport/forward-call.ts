import { type ClientHttp2Session, type ClientHttp2Stream, constants } from "node:http2";
import type { TransportClock } from "./clock.ts";
import { joinBytes, parseUnaryError } from "./envelope.ts";
import { decodeForwardResponse, encodeForwardRequest } from "./forward-codec.ts";
import { isCertainlyUnseen, peerErrorFrom } from "./peer-error.ts";
import { peerPaths, requestHeaders, UNARY_CONTENT_TYPE } from "./peer-session.ts";
import { ForwardError, type PeerHello, type PeerRefusal, type RequestOrigin } from "./types.ts";

/** Beside the payload: a refusal, a field's header, the JSON of an error. */
const ANSWER_OVERHEAD_BYTES = 64 * 1024;

export interface ForwardCall {
  readonly hello: PeerHello;
  readonly payload: Uint8Array;
  readonly requests: readonly RequestOrigin[];
  readonly timeoutMs: number;
  readonly answerMaxBytes: number;
  readonly clock: TransportClock;
  /** The stream is gone; it may outlive the promise, which settles at the deadline. */
  readonly ended: () => void;
}

/**
 * A unary call of the Connect protocol on an open session. At the deadline the caller is told, but the stream
 * is left to the peer to end: Node takes a burst of resets for an attack and closes the session.
 */
export function callForward(
  session: ClientHttp2Session,
  call: ForwardCall,
): Promise<Uint8Array | PeerRefusal> {
  return new Promise((resolve, reject) => {
    const stream = beginForward(session, call);
    if (stream instanceof ForwardError) {
      call.ended();
      reject(stream);
      return;
    }
    const fail = (message: string, sent: boolean, cause?: unknown): void => {
      reject(new ForwardError(message, sent, cause === undefined ? undefined : { cause }));
    };
    const cancelTimer = call.clock.after(call.timeoutMs, () => fail("no answer before the deadline", true));
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    let status = 0;
    stream.on("response", (headers) => {
      status = headers[":status"] ?? 0;
    });
    stream.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      sizeBytes += chunk.length;
      if (sizeBytes > call.answerMaxBytes + ANSWER_OVERHEAD_BYTES) stream.destroy();
    });
    stream.on("error", () => {});
    // Not on "end", which comes for a connection that breaks as well, with what there is by then.
    stream.on("close", () => {
      cancelTimer();
      call.ended();
      if (stream.rstCode !== constants.NGHTTP2_NO_ERROR || status === 0) {
        // A refused stream was not looked at (RFC 9113 §8.7).
        fail("the connection broke before the answer", stream.rstCode !== constants.NGHTTP2_REFUSED_STREAM);
        return;
      }
      try {
        resolve(readAnswer(status, joinBytes(chunks)));
      } catch (error) {
        reject(error);
      }
    });
  });
}

function beginForward(
  session: ClientHttp2Session,
  { hello, payload, requests, timeoutMs }: ForwardCall,
): ClientHttp2Stream | ForwardError {
  if (timeoutMs < 1) return new ForwardError("the deadline has passed", false);
  const request = encodeForwardRequest({ hello, payload, requests });
  try {
    const stream = session.request({
      ...requestHeaders(peerPaths.forward, UNARY_CONTENT_TYPE),
      "connect-timeout-ms": String(Math.floor(timeoutMs)),
    });
    stream.end(request);
    return stream;
  } catch (error) {
    return new ForwardError("the connection is closing", false, { cause: error });
  }
}

function readAnswer(status: number, body: Uint8Array): Uint8Array | PeerRefusal {
  if (status !== 200) {
    const error = parseUnaryError(body, status);
    throw new ForwardError(error.message, !isCertainlyUnseen(error), { cause: error });
  }
  try {
    return decodeForwardResponse(body);
  } catch (error) {
    throw new ForwardError("an answer that cannot be read", true, { cause: peerErrorFrom(error) });
  }
}
