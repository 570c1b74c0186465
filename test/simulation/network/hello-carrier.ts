import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { ForwardResponseSchema, HelloSchema } from "@rstore/proto/rstore/peer/v1/peer";
import {
  decodeHello,
  decodeRefusal,
  encodeForwardResponse,
  encodeHello,
} from "@rstore/replica/transport/hello-codec";
import type { PeerHello, PeerRefusal } from "@rstore/replica/transport/types";
import type { Body } from "./parcel.ts";

/** What a connection begins and ends with, as it arrives when it has travelled as bytes. */
export function throughHelloCodec(body: Body): Body {
  switch (body.type) {
    case "open":
    case "fetch":
    case "forward":
      return { ...body, hello: carryHello(body.hello) };
    case "refusal":
      return { ...body, refusal: carryRefusal(body.refusal) };
    default:
      return body;
  }
}

function carryHello(hello: PeerHello): PeerHello {
  return decodeHello(fromBinary(HelloSchema, toBinary(HelloSchema, encodeHello(hello))));
}

function carryRefusal(refusal: PeerRefusal): PeerRefusal {
  const bytes = toBinary(ForwardResponseSchema, encodeForwardResponse(refusal));
  return decodeRefusal(fromBinary(ForwardResponseSchema, bytes).refusal!);
}
