import type { Message } from "@rstore/replica/raft/types";
import { isCertainlyUnseen, PeerError } from "@rstore/replica/transport/peer-error";
import {
  ForwardError,
  type PeerAddress,
  type PeerHello,
  type PeerRefusal,
  type PeerStats,
  type SnapshotOffer,
  type SnapshotRequest,
} from "@rstore/replica/transport/types";
import { isLost } from "./dispatch.ts";
import type { Body } from "./parcel.ts";
import { SimOutgoingStream } from "./sim-outgoing-stream.ts";
import type { TransportShared } from "./transport-parts.ts";

const FORWARD_BYTES = 200;

interface Waiting {
  readonly resolve: (answer: Uint8Array | PeerRefusal) => void;
  readonly reject: (error: ForwardError) => void;
  readonly cancelTimer: () => void;
}

/** Behaves as replica/src/transport/peer-connection.ts: a control and a bulk stream, and forwarded calls. */
export class SimPeerConnection {
  readonly #shared: TransportShared;
  readonly #address: PeerAddress;
  readonly #control: SimOutgoingStream;
  readonly #bulk: SimOutgoingStream;
  /** Calls whose stream is open; it may outlive the promise, which settles at the deadline. */
  readonly #forwards = new Map<number, Waiting>();
  #forwardId = 0;

  constructor(shared: TransportShared, address: PeerAddress) {
    this.#shared = shared;
    this.#address = address;
    const both = {
      peer: address.memberId,
      peerUrl: address.peerUrl,
      forwarded: (body: Extract<Body, { type: "forwarded" }>) => this.#forwarded(body),
    };
    this.#bulk = new SimOutgoingStream(shared, {
      ...both,
      kind: "bulk",
      opened: () => {},
      ended: () => this.#failForwards(),
    });
    this.#control = new SimOutgoingStream(shared, {
      ...both,
      kind: "control",
      opened: () => this.#bulk.dial(),
      ended: () => this.#stopBulk(),
    });
    this.#control.dial();
  }

  get peerUrl(): string {
    return this.#address.peerUrl;
  }

  push(message: Message): void {
    const stream = message.type === "AppendEntries" ? this.#bulk : this.#control;
    stream.push(message);
  }

  pushRequest(request: SnapshotRequest): void {
    this.#control.pushRequest(request);
  }

  pushOffer(offer: SnapshotOffer): void {
    this.#control.pushOffer(offer);
  }

  flush(): void {
    const controlDropped = this.#control.flush();
    const bulkDropped = this.#bulk.flush();
    if (controlDropped || bulkDropped) this.#shared.handler.unreachable(this.#address.memberId);
  }

  async forward(payload: Uint8Array, deadlineMs: number): Promise<Uint8Array> {
    const { handler, limits, clock } = this.#shared;
    const peer = this.#address.memberId;
    if (this.#bulk.socket === undefined) throw new ForwardError(`no connection to member ${peer}`, false);
    if (this.#forwards.size >= limits.forwardMaxInflight) {
      throw new ForwardError(
        `${this.#forwards.size} calls wait for member ${peer} (forwardMaxInflight)`,
        false,
      );
    }
    if (payload.length > limits.forwardMaxBytes) {
      throw new ForwardError(
        `${payload.length} bytes to forward; the limit is ${limits.forwardMaxBytes}`,
        false,
      );
    }
    const timeoutMs = Math.floor(deadlineMs - clock.nowMs());
    if (timeoutMs < 1) throw new ForwardError("the deadline has passed", false);
    const hello = handler.hello(peer);
    const answer = await this.#call(hello, payload, timeoutMs);
    if (answer instanceof Uint8Array) return answer;
    handler.refused(hello, answer);
    throw new ForwardError(`member ${peer} refused: ${answer.reason}`, false);
  }

  stats(): PeerStats {
    const { links } = this.#shared;
    const { memberId } = this.#address;
    return {
      memberId,
      connected: this.#control.isOpen,
      roundTripMs: this.#control.roundTripMs,
      disconnects: links.losses(memberId),
      ...links.traffic(memberId),
      queuedBytes: { control: this.#control.queuedBytes, bulk: this.#bulk.queuedBytes },
      queuedMessages: { control: 0, bulk: 0 },
    };
  }

  close(): void {
    this.#control.stop();
    this.#stopBulk();
  }

  #call(hello: PeerHello, payload: Uint8Array, timeoutMs: number): Promise<Uint8Array | PeerRefusal> {
    const { clock, network } = this.#shared;
    const socket = this.#bulk.socket!;
    const id = ++this.#forwardId;
    return new Promise((resolve, reject) => {
      const lost = isLost(network, socket.out);
      const cancelTimer = clock.after(timeoutMs, () => {
        if (lost) this.#forwards.delete(id);
        reject(new ForwardError("no answer before the deadline", true));
      });
      this.#forwards.set(id, { resolve, reject, cancelTimer });
      if (lost) return;
      // Nobody may keep a view of the caller's bytes.
      const body = { type: "forward", id, hello, payload: payload.slice(), timeoutMs } as const;
      socket.write(body, FORWARD_BYTES + payload.length);
    });
  }

  #forwarded({ id, answer }: Extract<Body, { type: "forwarded" }>): void {
    const waiting = this.#forwards.get(id);
    this.#forwards.delete(id);
    if (waiting === undefined || answer === undefined) return;
    waiting.cancelTimer();
    if (answer instanceof PeerError) {
      waiting.reject(new ForwardError(answer.message, !isCertainlyUnseen(answer), { cause: answer }));
    } else waiting.resolve(answer);
  }

  /** The same process answers both: what is said on one while the other is gone leads nowhere. */
  #stopBulk(): void {
    this.#bulk.stop();
    this.#failForwards();
  }

  #failForwards(): void {
    const broken = [...this.#forwards.values()];
    this.#forwards.clear();
    for (const { cancelTimer, reject } of broken) {
      cancelTimer();
      reject(new ForwardError("the connection broke before the answer", true));
    }
  }
}
