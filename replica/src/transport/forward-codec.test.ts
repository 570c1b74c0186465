import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { HelloSchema } from "@rstore/proto/rstore/peer/v1/peer";
import { describe, expect, test } from "vitest";
import {
  decodeForwardRequest,
  decodeForwardResponse,
  encodeForwardRequest,
  encodeForwardResponse,
} from "./forward-codec.ts";
import { decodeHello, encodeHello } from "./hello-codec.ts";
import { PeerError } from "./peer-error.ts";
import type { PeerHello, PeerRefusal } from "./types.ts";

const hello: PeerHello = {
  clusterId: 0xc1c2c3c4c5c6c7c8n,
  from: 0xa1n,
  to: 0xb2n,
  incarnation: 7n,
  durableTerm: 3n,
  durableLastIndex: 1000n,
  protocolVersion: 1,
  peerUrl: "http://a:4101",
};
const payload = Uint8Array.from({ length: 60 }, (_, at) => at);
const refusals: readonly PeerRefusal[] = [
  { reason: "removed", index: 9n },
  { reason: "wrong-member", memberId: 5n },
  { reason: "wrong-cluster", clusterId: 5n },
  { reason: "stale-disk", message: "old" },
  { reason: "unsupported-version", message: "new" },
  { reason: "not-ready", message: "later" },
];

/** What is read when any one bit flipped is as it was (a tag can be written in several ways), or a PeerError. */
function expectNoneBelieved<T>(bytes: Uint8Array, decode: (bytes: Uint8Array) => T): void {
  const whole = decode(bytes);
  let refused = 0;
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const flipped = Uint8Array.from(bytes);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    try {
      expect(decode(flipped), `bit ${bit}`).toEqual(whole);
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      refused += 1;
    }
  }
  expect(refused).toBeGreaterThan(bytes.length * 6);
}

describe("what is not part of a frame is read as it was sent, or not at all (C2)", () => {
  test("a hello, whatever bit flips", () => {
    const bytes = toBinary(HelloSchema, encodeHello(hello));
    const decode = (data: Uint8Array): PeerHello => {
      try {
        return decodeHello(fromBinary(HelloSchema, data));
      } catch (error) {
        throw error instanceof PeerError ? error : new PeerError("malformed", String(error));
      }
    };
    expect(decode(bytes)).toEqual(hello);
    expectNoneBelieved(bytes, decode);
  });

  test("a hello of a later version, with a field that is not known here", () => {
    const later = encodeHello(hello);
    const unknown = [{ no: 12, wireType: 0, data: new Uint8Array([5]) }];
    const bare = { ...later, checksum: 0, $unknown: unknown };
    expect(() => decodeHello({ ...bare, checksum: later.checksum })).toThrow("checksum");
  });

  test("a forwarded command", () => {
    const bytes = encodeForwardRequest({ hello, payload, requests: [] });
    expect(decodeForwardRequest(bytes)).toEqual({ hello, payload, requests: [] });
    expectNoneBelieved(bytes, decodeForwardRequest);
  });

  test("a forwarded command says whose writes it holds", () => {
    const requests = [
      { id: "order-17", traceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" },
      { id: "order-18", traceParent: "" },
    ];
    const decoded = decodeForwardRequest(encodeForwardRequest({ hello, payload, requests }));
    expect(decoded.requests).toMatchObject(requests);
  });

  test("its outcomes", () => {
    const bytes = encodeForwardResponse(payload);
    expect(decodeForwardResponse(bytes)).toEqual(payload);
    expectNoneBelieved(bytes, decodeForwardResponse);
  });

  test.each(refusals)("a refusal: $reason", (refusal) => {
    const bytes = encodeForwardResponse(refusal);
    expect(decodeForwardResponse(bytes)).toEqual(refusal);
    expectNoneBelieved(bytes, decodeForwardResponse);
  });

  test("an empty command or answer is none", () => {
    const nothing = new Uint8Array(0);
    expect(() =>
      decodeForwardRequest(encodeForwardRequest({ hello, payload: nothing, requests: [] })),
    ).toThrow(PeerError);
    expect(() => decodeForwardResponse(encodeForwardResponse(nothing))).toThrow(PeerError);
    expect(() => decodeForwardResponse(nothing)).toThrow(PeerError);
  });
});
