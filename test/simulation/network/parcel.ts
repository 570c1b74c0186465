import type { Frame } from "@rstore/replica/transport/frame-codec";
import type { PeerError } from "@rstore/replica/transport/peer-error";
import type { PeerHello, PeerRefusal, SnapshotChunk } from "@rstore/replica/transport/types";

/** What travels on a connection, in either direction. */
export type Body =
  | { readonly type: "open"; readonly kind: "control" | "bulk"; readonly hello: PeerHello }
  | { readonly type: "welcome"; readonly memberId: bigint }
  | { readonly type: "refusal"; readonly refusal: PeerRefusal }
  | { readonly type: "frame"; readonly frame: Frame }
  | FrameBytes
  /** The beginning of a connection, or with an id a forwarded call, that cannot be read. */
  | { readonly type: "damaged"; readonly id?: number; readonly error: PeerError }
  /** The end of a stream or of a snapshot, with a reason. */
  | { readonly type: "failed"; readonly error: PeerError }
  | {
      readonly type: "forward";
      readonly id: number;
      readonly hello: PeerHello;
      readonly payload: Uint8Array;
      readonly timeoutMs: number;
    }
  /** `undefined`: the answer itself was lost, its connection was not. */
  | {
      readonly type: "forwarded";
      readonly id: number;
      readonly answer: Uint8Array | PeerRefusal | PeerError | undefined;
    }
  | {
      readonly type: "fetch";
      readonly hello: PeerHello;
      readonly snapshotId: string;
      readonly offset: number;
    }
  | { readonly type: "chunk"; readonly chunk: SnapshotChunk }
  | ChunkBytes
  /** The last chunk was sent; everything was read; that was heard. */
  | { readonly type: "whole" }
  | { readonly type: "read" }
  | { readonly type: "heard" }
  /** The connection ends here: closed in good order, or reset. */
  | { readonly type: "end"; readonly reset: boolean };

/** An envelope, and for comparison what it was before a bit flipped. */
export interface FrameBytes {
  readonly type: "frame-bytes";
  readonly bytes: Buffer;
  readonly sent: Buffer;
}

export interface ChunkBytes {
  readonly type: "chunk-bytes";
  readonly bytes: Buffer;
  readonly sent: Buffer;
}

export interface Parcel {
  readonly body: Body;
  readonly sizeBytes: number;
  /** Position on its wire. */
  readonly sequence: number;
  dueUs: number;
}
