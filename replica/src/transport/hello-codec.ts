import { crc32 } from "node:zlib";
import { toBinary } from "@bufbuild/protobuf";
import {
  type FetchSnapshotResponse,
  type Hello,
  HelloSchema,
  type Refusal,
  RefusalSchema,
  type StreamResponse,
  type Welcome,
} from "@rstore/proto/rstore/peer/v1/peer";
import { PeerError } from "./peer-error.ts";
import type { PeerHello, PeerRefusal } from "./types.ts";

/** With a checksum of its own: a start or an index that is read wrongly would shut a member out (B2, C2). */
export function encodeHello(hello: PeerHello): Hello {
  const bare: Hello = { $typeName: "rstore.peer.v1.Hello", ...hello, checksum: 0 };
  return { ...bare, checksum: helloChecksum(bare) };
}

/** Fields that this version does not know count, too: they are encoded as they came. */
function helloChecksum(hello: Hello): number {
  return crc32(toBinary(HelloSchema, { ...hello, checksum: 0 }));
}

/** Throws PeerError "checksum" or "malformed". */
export function decodeHello(hello: Hello | undefined): PeerHello {
  if (hello === undefined) throw new PeerError("malformed", "no hello");
  if (hello.checksum !== helloChecksum(hello)) {
    throw new PeerError("checksum", "the hello does not fit its checksum");
  }
  const { clusterId, from, to, incarnation, durableTerm, durableLastIndex, protocolVersion, peerUrl } = hello;
  if (from === 0n || to === 0n) throw new PeerError("malformed", "a hello without both member ids");
  return { clusterId, from, to, incarnation, durableTerm, durableLastIndex, protocolVersion, peerUrl };
}

/** `own` is this member's hello to the one that it welcomes. */
export function encodeWelcome(own: PeerHello): StreamResponse {
  const { clusterId, from: memberId, incarnation } = own;
  const value: Welcome = { $typeName: "rstore.peer.v1.Welcome", clusterId, memberId, incarnation };
  return { $typeName: "rstore.peer.v1.StreamResponse", result: { case: "welcome", value } };
}

export function encodeStreamRefusal(refusal: PeerRefusal): StreamResponse {
  const value = encodeRefusal(refusal);
  return { $typeName: "rstore.peer.v1.StreamResponse", result: { case: "refusal", value } };
}

export function encodeFetchRefusal(refusal: PeerRefusal): FetchSnapshotResponse {
  return {
    $typeName: "rstore.peer.v1.FetchSnapshotResponse",
    offset: 0n,
    checksum: 0,
    data: new Uint8Array(0),
    refusal: encodeRefusal(refusal),
  };
}

/** With a checksum of its own: who reads wrongly that it was removed would go quiet for good (C2). */
export function encodeRefusal(refusal: PeerRefusal): Refusal {
  const bare: Refusal = {
    $typeName: "rstore.peer.v1.Refusal",
    reason: encodeReason(refusal),
    checksum: 0,
  };
  return { ...bare, checksum: refusalChecksum(bare) };
}

function refusalChecksum(refusal: Refusal): number {
  return crc32(toBinary(RefusalSchema, { ...refusal, checksum: 0 }));
}

function encodeReason(refusal: PeerRefusal): Refusal["reason"] {
  switch (refusal.reason) {
    case "wrong-cluster": {
      const { clusterId } = refusal;
      return { case: "wrongCluster", value: { $typeName: "rstore.peer.v1.WrongCluster", clusterId } };
    }
    case "wrong-member": {
      const { memberId } = refusal;
      return { case: "wrongMember", value: { $typeName: "rstore.peer.v1.WrongMember", memberId } };
    }
    case "removed": {
      const { index } = refusal;
      return { case: "removed", value: { $typeName: "rstore.peer.v1.Removed", index } };
    }
    case "stale-disk": {
      const { message } = refusal;
      return { case: "staleDisk", value: { $typeName: "rstore.peer.v1.StaleDisk", message } };
    }
    case "unsupported-version": {
      const { message } = refusal;
      const value = { $typeName: "rstore.peer.v1.UnsupportedVersion", message } as const;
      return { case: "unsupportedVersion", value };
    }
    case "not-ready": {
      const { message } = refusal;
      return { case: "notReady", value: { $typeName: "rstore.peer.v1.NotReady", message } };
    }
    default:
      return refusal satisfies never;
  }
}

/** Throws PeerError "checksum". */
export function decodeRefusal(refusal: Refusal): PeerRefusal {
  if (refusal.checksum !== refusalChecksum(refusal)) {
    throw new PeerError("checksum", "the refusal does not fit its checksum");
  }
  const { reason } = refusal;
  switch (reason.case) {
    case "wrongCluster":
      return { reason: "wrong-cluster", clusterId: reason.value.clusterId };
    case "wrongMember":
      return { reason: "wrong-member", memberId: reason.value.memberId };
    case "removed":
      return { reason: "removed", index: reason.value.index };
    case "staleDisk":
      return { reason: "stale-disk", message: reason.value.message };
    case "unsupportedVersion":
      return { reason: "unsupported-version", message: reason.value.message };
    case "notReady":
      return { reason: "not-ready", message: reason.value.message };
    case undefined:
      // Refused all the same: a later version's reason must not be taken for a welcome.
      return { reason: "not-ready", message: "the peer refused for a reason that this member does not know" };
    default:
      return reason satisfies never;
  }
}
