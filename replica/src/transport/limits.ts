import { assert } from "../assert.ts";

/** Bounds and times of the peer port and of the connections to peers. Bytes and milliseconds. */
export interface PeerLimits {
  /** Most bytes in a frame that is taken in; one AppendEntries must fit. */
  readonly frameMaxBytes: number;
  /** Messages are gathered into one frame up to this; a larger message travels alone. */
  readonly frameTargetBytes: number;
  /** What waits for the control stream to a peer; more is dropped. */
  readonly controlQueueMaxMessages: number;
  readonly controlQueueMaxBytes: number;
  /** What waits for the bulk stream to a peer; more is dropped. */
  readonly bulkQueueMaxMessages: number;
  readonly bulkQueueMaxBytes: number;
  /** Handed to the socket before it has taken what came earlier. */
  readonly writeAheadMaxBytes: number;
  /** Most forwarded calls to one peer that wait for their answer, and most bytes in one of them. */
  readonly forwardMaxInflight: number;
  readonly forwardMaxBytes: number;
  /** Connections that the peer port holds, and snapshots that it sends at one time. */
  readonly connectionsMax: number;
  readonly snapshotsMax: number;
  /** Largest request of the other services on the peer port. */
  readonly requestMaxBytes: number;

  readonly connectTimeoutMs: number;
  /** From an open connection to the hello, and from the hello to its answer. */
  readonly helloTimeoutMs: number;
  /** A peer that answers no ping for so long is taken for dead: about an election timeout. */
  readonly deadPeerMs: number;
  /** A bulk connection or snapshot without any progress for so long is given up. */
  readonly stallTimeoutMs: number;
  /** Forwarded calls wait so long for their answer after the stream on their connection has ended. */
  readonly forwardGraceMs: number;
  /** How long a broken snapshot fetch may take to come back before it counts as given up. */
  readonly snapshotResumeMs: number;
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
}

const MiB = 1024 * 1024;

export const defaultPeerLimits: PeerLimits = {
  frameMaxBytes: 64 * MiB,
  frameTargetBytes: 1 * MiB,
  controlQueueMaxMessages: 4096,
  controlQueueMaxBytes: 4 * MiB,
  bulkQueueMaxMessages: 4096,
  bulkQueueMaxBytes: 64 * MiB,
  writeAheadMaxBytes: 1 * MiB,
  forwardMaxInflight: 1024,
  forwardMaxBytes: 16 * MiB,
  connectionsMax: 512,
  snapshotsMax: 8,
  requestMaxBytes: 4 * MiB,
  connectTimeoutMs: 2_000,
  helloTimeoutMs: 2_000,
  deadPeerMs: 1_000,
  stallTimeoutMs: 30_000,
  forwardGraceMs: 3_000,
  snapshotResumeMs: 10_000,
  backoffMinMs: 10,
  backoffMaxMs: 1_000,
};

/** Completes limits by the defaults and asserts how they relate. */
export function peerLimits(overrides: Partial<PeerLimits> = {}): PeerLimits {
  const limits: PeerLimits = { ...defaultPeerLimits, ...overrides };
  for (const [name, value] of Object.entries(limits)) {
    assert(Number.isSafeInteger(value) && value > 0, `${name} must be a positive whole number: ${value}`);
  }
  assert(limits.frameTargetBytes <= limits.frameMaxBytes, "frameTargetBytes must not exceed frameMaxBytes");
  assert(limits.backoffMinMs <= limits.backoffMaxMs, "backoffMinMs must not exceed backoffMaxMs");
  assert(limits.deadPeerMs <= limits.stallTimeoutMs, "deadPeerMs must not exceed stallTimeoutMs");
  return limits;
}
