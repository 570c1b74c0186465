import { crc32 } from "node:zlib";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  ForwardRequestSchema,
  ForwardResponseSchema,
  type RequestOrigin as WireOrigin,
} from "@rstore/proto/rstore/peer/v1/peer";
import { parse } from "./frame-codec.ts";
import { decodeHello, decodeRefusal, encodeHello, encodeRefusal } from "./hello-codec.ts";
import { PeerError } from "./peer-error.ts";
import type { PeerHello, PeerRefusal, RequestOrigin } from "./types.ts";

const NO_PAYLOAD = new Uint8Array(0);

export interface ForwardedCall {
  readonly hello: PeerHello;
  readonly payload: Uint8Array;
  readonly requests: readonly RequestOrigin[];
}

export function encodeForwardRequest({ hello, payload, requests }: ForwardedCall): Uint8Array {
  return toBinary(ForwardRequestSchema, {
    $typeName: "rstore.peer.v1.ForwardRequest",
    hello: encodeHello(hello),
    payload,
    checksum: crc32(payload),
    requests: requests.map(originToWire),
  });
}

function originToWire({ id, traceParent }: RequestOrigin): WireOrigin {
  return { $typeName: "rstore.peer.v1.RequestOrigin", id, traceParent };
}

/** Throws PeerError: a command that arrives changed would be another write (C2). */
export function decodeForwardRequest(body: Uint8Array): ForwardedCall {
  const request = parse(() => fromBinary(ForwardRequestSchema, body));
  const { payload } = request;
  const hello = decodeHello(request.hello);
  if (crc32(payload) !== request.checksum) {
    throw new PeerError("checksum", "the forwarded command does not fit its checksum");
  }
  // Also what is left of a call that was cut off in the middle.
  if (payload.length === 0) throw new PeerError("malformed", "nothing to forward");
  return { hello, payload, requests: request.requests };
}

export function encodeForwardResponse(answer: Uint8Array | PeerRefusal): Uint8Array {
  const $typeName = "rstore.peer.v1.ForwardResponse";
  if (answer instanceof Uint8Array) {
    return toBinary(ForwardResponseSchema, { $typeName, payload: answer, checksum: crc32(answer) });
  }
  const refusal = encodeRefusal(answer);
  return toBinary(ForwardResponseSchema, { $typeName, payload: NO_PAYLOAD, refusal, checksum: 0 });
}

/** Throws PeerError: outcomes that arrive changed would tell of another end than the write had (C2). */
export function decodeForwardResponse(body: Uint8Array): Uint8Array | PeerRefusal {
  const { payload, refusal, checksum } = parse(() => fromBinary(ForwardResponseSchema, body));
  if (crc32(payload) !== checksum) {
    throw new PeerError("checksum", "the answer of a forwarded command does not fit its checksum");
  }
  if (refusal !== undefined) return decodeRefusal(refusal);
  // Every command has at least one outcome.
  if (payload.length === 0) throw new PeerError("malformed", "an answer that says nothing");
  return payload;
}
