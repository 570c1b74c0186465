import type { Message } from "../raft/types.ts";
import { callForward } from "./forward-call.ts";
import { type OutgoingParts, OutgoingStream } from "./outgoing-stream.ts";
import {
  ForwardError,
  type PeerAddress,
  type PeerStats,
  type RequestOrigin,
  type SnapshotOffer,
  type SnapshotRequest,
} from "./types.ts";

/**
 * This member's connections to one peer.
 *
 * `control` carries everything but AppendEntries. An answer to an append may so overtake appends of this
 * member, and a heartbeat those sent before it; Raft is indifferent: an answer names the index that it stands
 * for, a heartbeat's commit never exceeds what the follower is known to have. AppendEntries all go by `bulk`,
 * the empty ones too: one that announces a commit would, ahead of the entries that it stands on, be rejected,
 * and a rejection throws the leader's pipeline back to probing.
 */
export class PeerConnection {
  readonly #parts: OutgoingParts;
  readonly #address: PeerAddress;
  readonly #control: OutgoingStream;
  readonly #bulk: OutgoingStream;
  #forwards = 0;

  constructor(parts: OutgoingParts, address: PeerAddress, url: URL) {
    this.#parts = parts;
    this.#address = address;
    const peer = { peer: address.memberId, url };
    this.#bulk = new OutgoingStream(parts, {
      ...peer,
      kind: "bulk",
      opened: () => {},
      ended: () => {},
      hasCalls: () => this.#forwards > 0,
    });
    this.#control = new OutgoingStream(parts, {
      ...peer,
      kind: "control",
      opened: () => this.#bulk.dial(),
      // The same process answers both: what is said on one while the other is gone leads nowhere.
      ended: () => this.#bulk.stop(),
      hasCalls: () => false,
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
    if (controlDropped || bulkDropped) this.#parts.handler.unreachable(this.#address.memberId);
  }

  /** By the bulk connection: what is forwarded may be large, and a follower has no appends to send there. */
  async forward(
    payload: Uint8Array,
    deadlineMs: number,
    requests: readonly RequestOrigin[],
  ): Promise<Uint8Array> {
    const { handler, limits, clock, links } = this.#parts;
    const peer = this.#address.memberId;
    const connection = this.#bulk.connection;
    if (connection === undefined) throw new ForwardError(`no connection to member ${peer}`, false);
    if (this.#forwards >= limits.forwardMaxInflight) {
      throw new ForwardError(`${this.#forwards} calls wait for member ${peer} (forwardMaxInflight)`, false);
    }
    if (payload.length > limits.forwardMaxBytes) {
      throw new ForwardError(
        `${payload.length} bytes to forward; the limit is ${limits.forwardMaxBytes}`,
        false,
      );
    }
    this.#forwards += 1;
    const ended = () => {
      this.#forwards -= 1;
    };
    const timeoutMs = deadlineMs - clock.nowMs();
    const hello = handler.hello(peer);
    const answer = await callForward(connection.session, {
      hello,
      payload,
      requests,
      timeoutMs,
      answerMaxBytes: limits.forwardMaxBytes,
      clock,
      ended,
    });
    if (answer instanceof Uint8Array) {
      const { sentBytes, receivedBytes } = links.traffic(peer);
      sentBytes.forward += payload.length;
      receivedBytes.forward += answer.length;
      return answer;
    }
    handler.refused(hello, answer);
    throw new ForwardError(`member ${peer} refused: ${answer.reason}`, false);
  }

  stats(): PeerStats {
    const { links } = this.#parts;
    const { memberId } = this.#address;
    return {
      memberId,
      connected: this.#control.isOpen,
      roundTripMs: this.#control.roundTripMs,
      disconnects: links.losses(memberId),
      ...links.traffic(memberId),
      queuedBytes: { control: this.#control.queuedBytes, bulk: this.#bulk.queuedBytes },
      queuedMessages: { control: this.#control.queuedMessages, bulk: this.#bulk.queuedMessages },
    };
  }

  close(): void {
    this.#control.stop();
    this.#bulk.stop();
  }
}
