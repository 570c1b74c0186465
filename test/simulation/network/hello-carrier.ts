import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { HelloSchema } from "@rstore/proto/rstore/peer/v1/peer";
import {
  decodeForwardRequest,
  decodeForwardResponse,
  encodeForwardRequest,
  encodeForwardResponse,
} from "@rstore/replica/transport/forward-codec";
import { parse } from "@rstore/replica/transport/frame-codec";
import { decodeHello, encodeHello } from "@rstore/replica/transport/hello-codec";
import { PeerError } from "@rstore/replica/transport/peer-error";
import type { PeerHello, PeerRefusal } from "@rstore/replica/transport/types";
import { maybeCorrupted } from "./frame-carrier.ts";
import type { Link } from "./link.ts";
import type { NetworkParts } from "./network-parts.ts";
import type { Body } from "./parcel.ts";

interface Codec<T> {
  readonly encode: (value: T) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => T;
}

const helloCodec: Codec<PeerHello> = {
  encode: (hello) => toBinary(HelloSchema, encodeHello(hello)),
  decode: (bytes) => decodeHello(parse(() => fromBinary(HelloSchema, bytes))),
};

const forwardCodec: Codec<{ readonly hello: PeerHello; readonly payload: Uint8Array }> = {
  encode: ({ hello, payload }) => encodeForwardRequest({ hello, payload, requests: [] }),
  decode: (bytes) => {
    const { hello, payload } = decodeForwardRequest(bytes);
    return { hello, payload };
  },
};

const answerCodec: Codec<Uint8Array | PeerRefusal> = {
  encode: encodeForwardResponse,
  decode: decodeForwardResponse,
};

/** What is not a frame, as it arrives when it has travelled as bytes, of which one may have changed. */
export function throughHelloCodec(parts: NetworkParts, link: Link, body: Body): Body {
  const carry = <T>(codec: Codec<T>, value: T): T | PeerError => carried(parts, link, codec, value);
  switch (body.type) {
    case "open":
    case "fetch": {
      const hello = carry(helloCodec, body.hello);
      return hello instanceof PeerError ? { type: "damaged", error: hello } : { ...body, hello };
    }
    case "forward": {
      const call = carry(forwardCodec, body);
      return call instanceof PeerError ? { type: "damaged", id: body.id, error: call } : { ...body, ...call };
    }
    case "forwarded": {
      if (body.answer === undefined || body.answer instanceof PeerError) return body;
      const answer = carry(answerCodec, body.answer);
      // Who reads it does not know how the call ended.
      return { ...body, answer: answer instanceof PeerError ? unreadable(answer) : answer };
    }
    case "refusal": {
      const refusal = carry(answerCodec, body.refusal);
      if (refusal instanceof PeerError) return { type: "failed", error: refusal };
      return refusal instanceof Uint8Array ? body : { ...body, refusal };
    }
    default:
      return body;
  }
}

function carried<T>(parts: NetworkParts, link: Link, { encode, decode }: Codec<T>, value: T): T | PeerError {
  const sent = Buffer.from(encode(value));
  const bytes = maybeCorrupted(parts, link, sent);
  if (bytes !== sent) parts.world.coverage.count("network.corrupted");
  try {
    // Not a Buffer, as in production: its `slice` means something else.
    const read = decode(Uint8Array.from(bytes));
    if (bytes !== sent && !sent.equals(encode(read))) {
      parts.world.fail("frame-integrity", "a hello, a forwarded call or an answer was read as another one");
    }
    return read;
  } catch (error) {
    if (error instanceof PeerError) return error;
    throw error;
  }
}

function unreadable(cause: PeerError): PeerError {
  return new PeerError("malformed", "an answer that cannot be read", { cause });
}
