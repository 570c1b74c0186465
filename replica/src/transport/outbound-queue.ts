import type { Message } from "../raft/types.ts";
import type { Frame } from "./frame-codec.ts";
import type { SnapshotOffer, SnapshotRequest } from "./types.ts";

/** What a message takes in a queue beside its entries' data. */
const MESSAGE_OVERHEAD_BYTES = 128;
const ENTRY_OVERHEAD_BYTES = 64;

interface QueueLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
  /** Most bytes of a frame, unless its only message is larger. */
  readonly frameTargetBytes: number;
}

/**
 * Messages that wait for a stream to a peer, bounded in number and bytes. What does not fit is refused rather
 * than what waits longest: Raft sends again, and older messages are the ones that newer ones build upon.
 */
export class OutboundQueue {
  readonly #limits: QueueLimits;
  #messages: Message[] = [];
  #sizes: number[] = [];
  #sizeBytes = 0;
  #offers: SnapshotOffer[] = [];
  #requests: SnapshotRequest[] = [];

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get length(): number {
    return this.#messages.length + this.#offers.length + this.#requests.length;
  }

  /** False: the queue is full. A message larger than the whole bound passes when nothing else waits. */
  push(message: Message): boolean {
    const sizeBytes = approximateBytes(message);
    if (this.length >= this.#limits.maxMessages) return false;
    if (this.#sizeBytes > 0 && this.#sizeBytes + sizeBytes > this.#limits.maxBytes) return false;
    this.#messages.push(message);
    this.#sizes.push(sizeBytes);
    this.#sizeBytes += sizeBytes;
    return true;
  }

  pushOffer(offer: SnapshotOffer): boolean {
    if (this.length >= this.#limits.maxMessages) return false;
    this.#offers.push(offer);
    return true;
  }

  pushRequest(request: SnapshotRequest): boolean {
    if (this.length >= this.#limits.maxMessages) return false;
    this.#requests.push(request);
    return true;
  }

  /** The next frame, in the order of `push`; undefined: nothing waits. */
  take(): Frame | undefined {
    if (this.length === 0) return undefined;
    let end = 0;
    let sizeBytes = 0;
    while (end < this.#messages.length) {
      const nextBytes = this.#sizes[end]!;
      if (end > 0 && sizeBytes + nextBytes > this.#limits.frameTargetBytes) break;
      sizeBytes += nextBytes;
      end += 1;
    }
    const messages = this.#messages.slice(0, end);
    this.#forgetUpTo(end, sizeBytes);
    const snapshotOffers = this.#offers;
    this.#offers = [];
    const snapshotRequests = this.#requests;
    this.#requests = [];
    return { messages, snapshotOffers, snapshotRequests };
  }

  /** Drops everything; returns how many. */
  clear(): number {
    const dropped = this.length;
    this.#forgetUpTo(this.#messages.length, this.#sizeBytes);
    this.#offers = [];
    this.#requests = [];
    return dropped;
  }

  #forgetUpTo(end: number, sizeBytes: number): void {
    this.#sizeBytes -= sizeBytes;
    this.#messages = this.#messages.slice(end);
    this.#sizes = this.#sizes.slice(end);
  }
}

function approximateBytes(message: Message): number {
  if (message.type !== "AppendEntries") return MESSAGE_OVERHEAD_BYTES;
  let sizeBytes = MESSAGE_OVERHEAD_BYTES;
  for (const entry of message.entries) sizeBytes += ENTRY_OVERHEAD_BYTES + entry.data.length;
  return sizeBytes;
}
