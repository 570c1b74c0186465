import type { MemberId } from "@rstore/replica/raft/types";
import { judge } from "@rstore/replica/transport/inbound-stream";
import { PeerError, peerErrorFrom } from "@rstore/replica/transport/peer-error";
import type { PeerTraffic } from "@rstore/replica/transport/peer-traffic";
import type { SnapshotChunk } from "@rstore/replica/transport/types";
import { countLost } from "./count-lost.ts";
import { packChunk } from "./frame-carrier.ts";
import { noteRefusal } from "./note-refusal.ts";
import type { Body } from "./parcel.ts";
import type { SimSocket } from "./sim-socket.ts";
import type { Ticking, TransportShared } from "./transport-parts.ts";

const ANSWER_BYTES = 64;
/** Of the connection of a snapshot, in weather that loses anything at all: within its first chunks. */
const BREAK_CHANCE = 0.4;
const BREAK_MAX_CHUNKS = 30;
/** What was written before has arrived by then: a fetch gets further each time. */
const BREAK_AFTER_US = 50_000;

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
    const sending = new Sending(this.#shared, socket, (begun, whole) => {
      this.#streams -= 1;
      if (begun) this.#conclude(request.hello.from, whole);
    });
    this.#serve(sending, request).catch((reason: unknown) => {
      const error = peerErrorFrom(reason);
      this.#shared.note("peer.snapshot.failed", { code: error.code, reason: error.message });
      sending.end({ type: "failed", error });
    });
  }

  async #serve(sending: Sending, { hello, snapshotId, offset }: FetchBody): Promise<void> {
    const { handler, limits, links } = this.#shared;
    if (this.#streams > limits.snapshotsMax) {
      const message = `${limits.snapshotsMax} snapshots are being sent already (snapshotsMax)`;
      throw new PeerError("exhausted", message);
    }
    const refusal = await judge(this.#shared, hello);
    if (refusal !== undefined) {
      noteRefusal(this.#shared, hello, refusal);
      sending.end({ type: "refusal", refusal });
      return;
    }
    const chunks = handler.readSnapshot(snapshotId, offset);
    if (chunks === undefined) throw new PeerError("not-found", `snapshot ${snapshotId} is not here any more`);
    this.#cancelVerdict(hello.from);
    await sending.send(chunks, links.traffic(hello.from));
  }

  close(): void {
    for (const cancel of this.#broken.values()) cancel();
    this.#broken.clear();
  }

  #conclude(follower: MemberId, whole: boolean): void {
    const { handler, clock, limits, network } = this.#shared;
    if (whole) {
      network.world.coverage.count("snapshot.sent");
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

/** One fetch, from its request to the end of its connection. */
class Sending {
  readonly #shared: TransportShared;
  readonly #socket: SimSocket;
  readonly #ended: (begun: boolean, whole: boolean) => void;
  #begun = false;
  #read = false;
  #silentMs = 0;
  /** Until the connection breaks; drawn at the first chunk. */
  #chunksLeft: number | undefined;
  /** Something waits until more may be written, or the connection has ended. */
  #writable: (() => void) | undefined;
  readonly #ticks: Ticking = { tick: (intervalMs) => this.#tick(intervalMs) };

  constructor(shared: TransportShared, socket: SimSocket, ended: (begun: boolean, whole: boolean) => void) {
    this.#shared = shared;
    this.#socket = socket;
    this.#ended = ended;
    shared.ticking.add(this.#ticks);
    socket.lost = () => this.#lost();
    socket.received = (parcels) => {
      if (!parcels.some(({ body }) => body.type === "read")) return;
      this.#read = true;
      this.end({ type: "heard" });
    };
  }

  async send(chunks: AsyncIterable<SnapshotChunk>, traffic: PeerTraffic): Promise<void> {
    this.#begun = true;
    for await (const chunk of chunks) {
      if (this.#socket.closed) return;
      traffic.sentBytes.snapshot += await this.#write(chunk);
      if (this.#socket.closed) return;
    }
    this.#socket.write({ type: "whole" }, ANSWER_BYTES);
  }

  end(body: Body): void {
    if (this.#socket.closed) return;
    this.#socket.write(body, ANSWER_BYTES);
    this.#socket.close();
    this.#lost();
  }

  /** Resolves when the next chunk may be written: the reader's pace is the pace of reading from the disk. */
  async #write(chunk: SnapshotChunk): Promise<number> {
    const { clock, limits, network } = this.#shared;
    const socket = this.#socket;
    if (this.#breaks()) {
      await this.#break();
      return 0;
    }
    const { body, sizeBytes } = packChunk(network, socket.out.link, chunk);
    socket.write(body, sizeBytes);
    if (socket.pendingBytes === 0) return sizeBytes;
    await new Promise<void>((resolve) => {
      const cancel = clock.after(limits.stallTimeoutMs, () => this.#giveUp());
      socket.drained = () => {
        if (socket.pendingBytes === 0) this.#writable?.();
      };
      this.#writable = () => {
        this.#writable = undefined;
        socket.drained = undefined;
        cancel();
        resolve();
      };
    });
    return sizeBytes;
  }

  /** A stream has no gaps: where messages get lost its connection breaks. */
  #breaks(): boolean {
    const { network } = this.#shared;
    const { lossChance } = this.#socket.out.link.weather;
    if (lossChance === 0) return false;
    const { random } = network;
    this.#chunksLeft ??= random.chance(BREAK_CHANCE)
      ? random.between(1, BREAK_MAX_CHUNKS)
      : Number.POSITIVE_INFINITY;
    this.#chunksLeft -= 1;
    return this.#chunksLeft === 0 || random.chance(lossChance);
  }

  #break(): Promise<void> {
    const { network } = this.#shared;
    const socket = this.#socket;
    return new Promise((resolve) => {
      network.world.at(BREAK_AFTER_US, () => {
        countLost(network.world, socket.out.link, 1);
        socket.break();
        socket.other.break();
        resolve();
      });
    });
  }

  /** A reader that only reads says nothing: the connection is looked at in its place. */
  #tick(intervalMs: number): void {
    this.#silentMs = this.#socket.hearsPings ? 0 : this.#silentMs + intervalMs;
    if (this.#silentMs >= this.#shared.limits.stallTimeoutMs) this.#giveUp();
  }

  #giveUp(): void {
    if (this.#socket.closed) return;
    this.#socket.close();
    this.#lost();
  }

  #lost(): void {
    this.#shared.ticking.delete(this.#ticks);
    this.#writable?.();
    this.#ended(this.#begun, this.#read);
  }
}
