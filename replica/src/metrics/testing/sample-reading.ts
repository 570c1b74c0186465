import type { MemberReading, PeerReading, ReplicaReading } from "../reading.ts";
import { messageKinds, peerStreams, queuedStreams, zeros } from "../traffic.ts";

/** A leader of three that is well. */
export function replicaReading(changes: Partial<ReplicaReading> = {}): ReplicaReading {
  const ids = { memberId: 0xa1n, clusterId: 0xcn };
  return {
    identity: {
      ...ids,
      name: "a1",
      peerUrl: "http://a1:4101",
      clientUrl: "http://a1:4001",
      incarnation: 2n,
      removedIndex: undefined,
    },
    state: { ...ids, leaderId: 0xa1n, leaderClientUrl: "http://a1:4001", term: 7n, revision: 40n },
    status: {
      version: "0.0.0",
      role: "leader",
      firstIndex: 1n,
      lastIndex: 9n,
      commitIndex: 8n,
      appliedIndex: 8n,
      durableAppliedIndex: 5n,
      configurationIndex: 2n,
      joint: false,
      compactedRevision: 3n,
      totalKeys: 12,
      storeBytesUsed: 4096,
      storeBytesQuota: 1 << 30,
      logBytesUsed: 8192,
      diskBytesAvailable: 1 << 30,
      diskRefused: false,
      problems: [],
    },
    ready: true,
    problems: [],
    member: memberReading(),
    disk: {
      availableBytes: 1 << 30,
      sizeBytes: 2 ** 31,
      state: "ok",
      hasReserve: true,
      storeFreeBytes: 4096,
      logFreeBytes: 0,
      logEntryBytes: 512,
    },
    peers: [peerReading(0xb2n), peerReading(0xc3n)],
    ...changes,
  };
}

export function memberReading(changes: Partial<MemberReading> = {}): MemberReading {
  const follower = { lagEntries: 1, state: "replicate", active: true, inflightBytes: 0 } as const;
  return {
    voters: 3,
    outgoing: 0,
    learners: 0,
    isLearner: false,
    failuresTolerated: 1,
    followers: [0xb2n, 0xc3n].map((memberId) => ({ ...follower, memberId })),
    preVotesStarted: 1,
    electionsStarted: 1,
    proposalsPending: 3,
    readsPending: 0,
    logFlushUnderWaySeconds: 0,
    overlayBytes: 100,
    compactionPending: false,
    snapshotsSending: 0,
    snapshotReceiving: false,
    ...changes,
  };
}

export function peerReading(memberId: bigint, changes: Partial<PeerReading> = {}): PeerReading {
  return {
    memberId,
    name: memberId.toString(16),
    connected: true,
    roundTripMs: 1.5,
    disconnects: 0,
    sentBytes: { ...zeros(peerStreams), control: 10 },
    receivedBytes: zeros(peerStreams),
    sentMessages: { ...zeros(messageKinds), heartbeat: 1 },
    receivedMessages: zeros(messageKinds),
    messagesDropped: 0,
    queuedBytes: zeros(queuedStreams),
    queuedMessages: zeros(queuedStreams),
    ...changes,
  };
}
