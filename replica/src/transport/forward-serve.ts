import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { errorJson, httpStatusOf, joinBytes } from "./envelope.ts";
import { decodeForwardRequest, encodeForwardResponse } from "./forward-codec.ts";
import { type InboundParts, judge } from "./inbound-stream.ts";
import { PeerError, peerErrorFrom } from "./peer-error.ts";
import { UNARY_CONTENT_TYPE } from "./peer-session.ts";

/** Beside the payload: the hello, the names of requests, and the fields' headers. */
const REQUEST_OVERHEAD_BYTES = 16 * 1024;
/** For a caller that gives no deadline, and the longest that any may give. */
const TIMEOUT_MAX_MS = 60_000;

/** Serves one PeerService.Forward, a unary call of the Connect protocol. */
export function serveForward(
  parts: InboundParts,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
): void {
  stream.on("error", () => {});
  const timeoutMs = timeoutFrom(headers["connect-timeout-ms"]);
  let cancel = () => {};
  const deadline = new Promise<never>((_, reject) => {
    cancel = parts.clock.after(timeoutMs, () =>
      reject(new PeerError("timeout", "no outcome before the deadline")),
    );
  });
  Promise.race([answer(parts, stream, parts.clock.nowMs() + timeoutMs), deadline])
    .then(
      (body) => respond(stream, 200, UNARY_CONTENT_TYPE, body),
      (reason: unknown) => {
        const error = peerErrorFrom(reason);
        parts.log?.record("peer.forward.failed", { code: error.code, reason: error.message });
        respond(
          stream,
          httpStatusOf(error),
          "application/json",
          Buffer.from(JSON.stringify(errorJson(error))),
        );
      },
    )
    .finally(cancel);
}

async function answer(
  parts: InboundParts,
  stream: ServerHttp2Stream,
  deadlineMs: number,
): Promise<Uint8Array> {
  const body = await readBody(stream, parts.limits.forwardMaxBytes + REQUEST_OVERHEAD_BYTES);
  const { hello, payload, requests } = decodeForwardRequest(body);
  // A member whose streams are open was judged already, with the same identity.
  const refusal = parts.links.isAdmitted(hello) ? undefined : await judge(parts, hello);
  if (refusal !== undefined) return encodeForwardResponse(refusal);
  const result = encodeForwardResponse(
    await parts.handler.forwarded(payload, deadlineMs, { from: hello.from, requests }),
  );
  const { receivedBytes, sentBytes } = parts.links.traffic(hello.from);
  receivedBytes.forward += body.length;
  sentBytes.forward += result.length;
  return result;
}

function readBody(stream: ServerHttp2Stream, maxBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    stream.on("data", (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes <= maxBytes) chunks.push(chunk);
      else reject(new PeerError("too-large", `a forwarded request of more than ${maxBytes} bytes`));
    });
    stream.once("end", () => resolve(joinBytes(chunks)));
    stream.once("close", () => reject(new PeerError("unreachable", "the caller went away")));
  });
}

function respond(stream: ServerHttp2Stream, status: number, contentType: string, body: Uint8Array): void {
  if (stream.destroyed || stream.headersSent) return;
  stream.respond({ ":status": status, "content-type": contentType });
  stream.end(body);
}

function timeoutFrom(header: string | string[] | undefined): number {
  if (typeof header !== "string" || !/^\d{1,10}$/.test(header)) return TIMEOUT_MAX_MS;
  return Math.min(Number(header), TIMEOUT_MAX_MS);
}
