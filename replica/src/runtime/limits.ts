/** Bounds of the runtime that are not settings, as a replica has them. */
export const limits = {
  tickMs: 10,
  /**
   * Ticks made up for after the process was held up, beyond those that the loop slept on purpose: a stale leader
   * must not rush through timeouts.
   */
  catchUpMaxTicks: 3,
  /** Most bytes of entries in one message to a follower, and on their way to it. */
  appendMaxBytes: 1024 * 1024,
  inflightMaxMessages: 128,
  inflightMaxBytes: 16 * 1024 * 1024,
  /** Bytes of entries that are proposed and not committed. */
  uncommittedMaxBytes: 64 * 1024 * 1024,
  /** Bytes of committed entries handed out at once. */
  committedMaxBytes: 4 * 1024 * 1024,
  /** Read-index requests that wait at the leader. */
  pendingReadsMax: 10_000,
  /** Peers whose disks are remembered, so that one that went back is noticed. */
  rememberedPeersMax: 64,
  /** So long after a peer last refused this disk as an old copy it counts as refused; peers are called every second. */
  diskRefusalMs: 10_000,
  /** Callers of no known configuration that are answered. */
  callersMax: 16,
  /** How long a member asks at once whether it has caught up. */
  catchUpAskMs: 1000,
  /** Election timeouts without a leader after which a member is not ready: an election must not show. */
  leaderlessTimeouts: 3,
  /** Time between two compactions that the leader proposes by itself. */
  compactionEveryMs: 10_000,
  /** Remembered revisions of earlier times, spread over the seconds of history that are kept. */
  compactionSamplesMax: 100,
  /** Pause before a write is tried with another leader. */
  leaderRetryMs: 50,
  /** A replica that stops waits this long for what is under way. */
  drainMaxMs: 5000,
  /** Records of the store that are verified at each look. */
  scrubMaxRecords: 500,
  scrubMaxBytes: 512 * 1024,
  /** A leader on a full disk hands over this often at most: where all disks are full, one must stay and serve. */
  fullHandOverMs: 60_000,
  /** Election timeouts that a leader's own disk may take for a write before it hands over. */
  stalledWriteTimeouts: 2,
  /** Time between looks at what has grown: log, snapshots, disk. */
  housekeepingMs: 500,
  /** Target size of one proposed entry; many small writes share it. */
  entryTargetBytes: 512 * 1024,
  /** Operations in one entry. */
  entryMaxOperations: 4096,
  /** Bytes of writes that wait to be proposed. */
  proposalQueueMaxBytes: 64 * 1024 * 1024,
  /** Own disk writes under way while further writes may be proposed. */
  appendsUnderWayMax: 2,
  /** Read-index requests under way at one member. */
  readRequestsMax: 8,
  /** Reads that wait for a read index or for a revision. */
  readsWaitingMax: 100_000,
  /** An entry whose application takes longer is logged. */
  slowApplyMs: 100,
  /** Bytes of entries applied in one turn of the loop. */
  applyTurnMaxBytes: 1024 * 1024,
  /** Keys that one synchronous step of a range, hash or compaction visits. */
  scanStepMaxKeys: 1000,
  scanStepMaxBytes: 1024 * 1024,
  /** Members that leave and lag are told for this long. */
  leaverMaxMs: 30_000,
  /** Entries that stay in the log below the durable applied index. */
  compactionMarginEntries: 128n,
  /** Bytes of results and operations in one forwarded command. */
  forwardTargetBytes: 512 * 1024,
  /** Forwarded commands under way to the leader. */
  forwardsUnderWayMax: 8,
  /** A member without its store asks another peer for a snapshot this often. */
  recoveryAskMs: 2000,
  /** A follower that fetches nothing of an offered snapshot for this long is offered it anew. */
  snapshotStalledMs: 20_000,
  /** Pause after a snapshot could not be made or fetched. */
  snapshotRetryMs: 1000,
  /** Attempts to fetch without a byte of progress before the leader must offer again. */
  snapshotFetchAttemptsMax: 5,
} as const;

/** A simulation makes some of them tiny. */
export type RuntimeLimits = {
  readonly [Name in keyof typeof limits]: (typeof limits)[Name] extends bigint ? bigint : number;
};
