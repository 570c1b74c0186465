import type { MemberId } from "@rstore/replica/raft/types";
import { PeerError } from "@rstore/replica/transport/peer-error";
import type { PeerHello, SnapshotChunk } from "@rstore/replica/transport/types";
import { FrameReader } from "./frame-carrier.ts";
import type { Body, Parcel } from "./parcel.ts";
import type { SimSocket } from "./sim-socket.ts";
import type { TransportShared } from "./transport-parts.ts";

const REQUEST_BYTES = 260;
const ACKNOWLEDGEMENT_BYTES = 40;

export interface SnapshotFetchOptions {
  readonly from: MemberId;
  readonly peerUrl: string;
  readonly hello: PeerHello;
  readonly snapshotId: string;
  readonly offset: number;
}

type Arrived =
  | { readonly type: "chunk"; readonly chunk: SnapshotChunk; readonly sizeBytes: number }
  | { readonly type: "whole" }
  | { readonly type: "heard" }
  | { readonly type: "error"; readonly error: PeerError };

/** The receiving end of one fetch, over a connection of its own, as replica/src/transport/snapshot-fetch.ts. */
export class SimSnapshotFetch {
  readonly #shared: TransportShared;
  readonly #options: SnapshotFetchOptions;
  readonly #reader: FrameReader;
  readonly #arrived: Arrived[] = [];
  #socket: SimSocket | undefined;
  #waiting: (() => void) | undefined;
  #offset: number;
  #ended = false;

  constructor(shared: TransportShared, options: SnapshotFetchOptions) {
    this.#shared = shared;
    this.#options = options;
    this.#offset = options.offset;
    this.#reader = new FrameReader(shared.network, shared.limits.frameMaxBytes);
  }

  /** Throws PeerError as production does. */
  async *chunks(): AsyncGenerator<SnapshotChunk> {
    const { coverage } = this.#shared.network.world;
    this.#dial();
    try {
      for (;;) {
        const arrived = await this.#next(this.#shared.limits.stallTimeoutMs);
        if (arrived.type === "error") throw arrived.error;
        if (arrived.type !== "chunk") break;
        const { chunk, sizeBytes } = arrived;
        this.#socket?.credit(sizeBytes);
        if (chunk.offset !== this.#offset) {
          throw new PeerError("malformed", `a chunk at ${chunk.offset} where ${this.#offset} is expected`);
        }
        if (this.#options.offset > 0 && this.#offset === this.#options.offset)
          coverage.count("snapshot.resumed");
        this.#offset += chunk.data.length;
        yield chunk;
      }
      this.#socket?.write({ type: "read" }, ACKNOWLEDGEMENT_BYTES);
      // What is torn down before it was heard looks like a fetch that broke off.
      await this.#next(this.#shared.limits.helloTimeoutMs);
    } finally {
      this.#ended = true;
      this.#socket?.close();
    }
  }

  /** This member is closing. */
  abort(): void {
    this.#fail(new PeerError("unreachable", "this member is closing"));
  }

  #dial(): void {
    const lost = () => this.#fail(new PeerError("unreachable", "the connection was closed"));
    this.#shared.dial(this.#options.peerUrl, {
      failed: lost,
      connected: (socket) => {
        if (this.#ended) {
          socket.close();
          return;
        }
        this.#socket = socket;
        socket.readsSlowly = true;
        socket.received = (parcels) => this.#read(parcels);
        socket.lost = lost;
        const { hello, snapshotId, offset } = this.#options;
        socket.write({ type: "fetch", hello, snapshotId, offset }, REQUEST_BYTES);
      },
    });
  }

  #read(parcels: readonly Parcel[]): void {
    try {
      for (const { body, sizeBytes } of parcels) this.#take(body, sizeBytes);
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      this.#fail(error);
    }
  }

  #take(body: Body, sizeBytes: number): void {
    switch (body.type) {
      case "chunk":
        this.#push({ type: "chunk", chunk: body.chunk, sizeBytes });
        return;
      case "chunk-bytes":
        for (const chunk of this.#reader.readChunks(body)) this.#push({ type: "chunk", chunk, sizeBytes });
        return;
      case "whole":
        this.#push({ type: "whole" });
        return;
      case "heard":
        this.#push({ type: "heard" });
        return;
      case "refusal": {
        const { refusal } = body;
        throw new PeerError("refused", `refused: ${refusal.reason}`, { refusal });
      }
      case "failed":
        throw body.error;
      default:
        throw new Error(`${body.type} is nothing of a snapshot`);
    }
  }

  #fail(error: PeerError): void {
    this.#push({ type: "error", error });
  }

  #push(arrived: Arrived): void {
    this.#arrived.push(arrived);
    this.#waiting?.();
  }

  /** The next of what arrives. The time runs only while this end waits. */
  async #next(timeoutMs: number): Promise<Arrived> {
    if (this.#arrived.length === 0) {
      await new Promise<void>((resolve) => {
        const cancel = this.#shared.clock.after(timeoutMs, () =>
          this.#fail(new PeerError("timeout", `nothing of the snapshot arrived for ${timeoutMs} ms`)),
        );
        this.#waiting = () => {
          this.#waiting = undefined;
          cancel();
          resolve();
        };
      });
    }
    return this.#arrived.shift()!;
  }
}
