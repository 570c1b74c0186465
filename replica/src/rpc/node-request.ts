import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, Http2ServerRequest, type Http2ServerResponse, type ServerHttp2Stream } from "node:http2";

/** A request as node:http and the compatibility layer of node:http2 give it. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** How long the rest of a refused body is read and thrown away, so that the answer can reach the caller. */
const lingerMs = 500;

export function pathOf(request: NodeRequest): string {
  const url = request.url ?? "";
  const query = url.indexOf("?");
  return query < 0 ? url : url.slice(0, query);
}

/** The declared size of the body; undefined when there is none. */
export function contentLength(request: NodeRequest): number | undefined {
  const value = request.headers["content-length"];
  return value === undefined ? undefined : Number(value);
}

/** Ends the stream, or with HTTP/1.1 the connection, that the request came by. */
export function abortRequest(request: NodeRequest): void {
  if (request instanceof Http2ServerRequest) request.stream.close(constants.NGHTTP2_CANCEL);
  else request.socket.destroy();
}

/**
 * Tells the caller, once the answer is out, to send no more of its body (RFC 9113 §8.1). What comes until then is
 * thrown away: a stream with bytes that nobody reads would never close.
 */
export function closeWhenAnswered(stream: ServerHttp2Stream): void {
  const close = (): void => {
    stream.close(constants.NGHTTP2_NO_ERROR);
    stream.resume();
  };
  // A reset overtakes trailers that are not written yet, and "finish" comes before they are.
  stream.once("wantTrailers", () => setImmediate(close));
  // An answer without trailers.
  stream.once("finish", () => setTimeout(close, lingerMs).unref());
}

/** Whether there is a body that has not been read to its end. */
function hasUnreadBody(request: NodeRequest): boolean {
  if (request.readableEnded) return false;
  if (request instanceof Http2ServerRequest) return !request.stream.endAfterHeaders;
  return request.headers["transfer-encoding"] !== undefined || (contentLength(request) ?? 0) > 0;
}

/**
 * For an answer that may be given before the body was read: no more of it is taken. HTTP/1.1 cannot tell a
 * caller to stop, so the connection is closed, a moment later, since an immediate reset could overtake the
 * answer.
 */
export function refuseBody(request: NodeRequest, response: NodeResponse): void {
  if (!hasUnreadBody(request)) return;
  if (request instanceof Http2ServerRequest) {
    closeWhenAnswered(request.stream);
    return;
  }
  const { socket } = request;
  (response as ServerResponse).shouldKeepAlive = false;
  // node:http calls this when an answer is out that ends the connection.
  socket.destroySoon = () => {
    socket.end();
    request.resume();
    setTimeout(() => socket.destroy(), lingerMs).unref();
  };
}
