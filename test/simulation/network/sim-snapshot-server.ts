import type { MemberId } from "@rstore/replica/raft/types";
import { judge } from "@rstore/replica/transport/inbound-stream";
import { PeerError, peerErrorFrom } from "@rstore/replica/transport/peer-error";
import type { SnapshotChunk } from "@rstore/replica/transport/types";
import { isLost } from "./dispatch.ts";
import { packChunk } from "./frame-carrier.ts";
import { noteRefusal } from "./note-refusal.ts";
import type { Body } from "./parcel.ts";
import type { SimSocket } from "./sim-socket.ts";
import type { Ticking, TransportShared } from "./transport-parts.ts";

const ANSWER_BYTES = 64;

type FetchBody = Extract<Body, { type: "fetch" }>;

/** Serves snapshots and tells how each fetch came out, as replica/src/transport/snapshot-serve.ts. */
export class SimSnapshotServer {
  readonly #shared: TransportShared;
  /** Followers whose fetch broke off and who may come back; the value cancels the verdict "gave up". */
  readonly #broken = new Map<MemberId, () => void>();
  #streams = 0;

  constructor(shared: TransportShared) {
    this.#shared = shared;
  }

  serve(socket: SimSocket, request: FetchBody): void {
    this.#streams += 1;
    let concluded = (_whole: boolean): void => {};
    let read = false;
    let silentMs = 0;
    const ticks: Ticking = {
      tick: (intervalMs) => {
        silentMs = socket.hearsPings ? 0 : silentMs + intervalMs;
        if (silentMs < this.#shared.limits.stallTimeoutMs) return;
        socket.close();
        socket.lost();
      },
    };
    this.#shared.ticking.add(ticks);
    const closed = (): void => {
      this.#shared.ticking.delete(ticks);
      this.#streams -= 1;
      concluded(read);
    };
    socket.lost = closed;
    socket.received = (parcels) => {
      if (!parcels.some(({ body }) => body.type === "read")) return;
      read = true;
      socket.write({ type: "heard" }, ANSWER_BYTES);
      socket.close();
      closed();
    };
    const begun = (): void => {
      const { from } = request.hello;
      this.#cancelVerdict(from);
      concluded = (whole) => this.#conclude(from, whole);
    };
    const end = (body: Body): void => {
      if (socket.closed) return;
      socket.write(body, ANSWER_BYTES);
      socket.close();
      closed();
    };
    this.#serve(socket, request, begun).then(
      (body) => {
        if (body.type === "whole") socket.write(body, ANSWER_BYTES);
        else end(body);
      },
      (reason: unknown) => {
        const error = peerErrorFrom(reason);
        this.#shared.note("peer.snapshot.failed", { code: error.code, reason: error.message });
        end({ type: "failed", error });
      },
    );
  }

  /** What to say in the end. */
  async #serve(
    socket: SimSocket,
    { hello, snapshotId, offset }: FetchBody,
    begun: () => void,
  ): Promise<Body> {
    const { handler, limits, links } = this.#shared;
    if (this.#streams > limits.snapshotsMax) {
      const message = `${limits.snapshotsMax} snapshots are being sent already (snapshotsMax)`;
      throw new PeerError("exhausted", message);
    }
    const refusal = await judge(this.#shared, hello);
    if (refusal !== undefined) {
      noteRefusal(this.#shared, hello, refusal);
      return { type: "refusal", refusal };
    }
    const chunks = handler.readSnapshot(snapshotId, offset);
    if (chunks === undefined) throw new PeerError("not-found", `snapshot ${snapshotId} is not here any more`);
    begun();
    const counters = links.counters(hello.from);
    for await (const chunk of chunks) {
      if (socket.closed) break;
      counters.bytesSent += await this.#write(socket, chunk);
      if (socket.closed) break;
    }
    return { type: "whole" };
  }

  /** Resolves when the next chunk may be written: the reader's pace is the pace of reading from the disk. */
  async #write(socket: SimSocket, chunk: SnapshotChunk): Promise<number> {
    const { clock, limits, network } = this.#shared;
    if (isLost(network, socket.out)) {
      // A stream has no gaps: a connection that loses breaks.
      socket.break();
      socket.other.break();
      return 0;
    }
    const { body, sizeBytes } = packChunk(network, socket.out.link, chunk);
    socket.write(body, sizeBytes);
    if (socket.pendingBytes === 0) return sizeBytes;
    const lost = socket.lost;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        cancel();
        socket.drained = undefined;
        socket.lost = lost;
        resolve();
      };
      const cancel = clock.after(limits.stallTimeoutMs, () => {
        done();
        socket.close();
        lost();
      });
      socket.lost = () => {
        done();
        lost();
      };
      socket.drained = () => {
        if (socket.pendingBytes === 0) done();
      };
    });
    return sizeBytes;
  }

  close(): void {
    for (const cancel of this.#broken.values()) cancel();
    this.#broken.clear();
  }

  #conclude(follower: MemberId, whole: boolean): void {
    const { handler, clock, limits } = this.#shared;
    if (whole) {
      handler.snapshotFetched(follower, true);
      return;
    }
    this.#cancelVerdict(follower);
    const cancel = clock.after(limits.snapshotResumeMs, () => {
      this.#broken.delete(follower);
      handler.snapshotFetched(follower, false);
    });
    this.#broken.set(follower, cancel);
  }

  #cancelVerdict(follower: MemberId): void {
    this.#broken.get(follower)?.();
    this.#broken.delete(follower);
  }
}
