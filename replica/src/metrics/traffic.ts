/** control: votes, heartbeats, answers. bulk: entries. snapshot: chunks. forward: writes passed on, and answers. */
export const peerStreams = ["control", "bulk", "snapshot", "forward"] as const;
export type PeerStream = (typeof peerStreams)[number];

/** The streams that have a queue. */
export const queuedStreams = ["control", "bulk"] as const;
export type QueuedStream = (typeof queuedStreams)[number];

export const messageKinds = ["append", "heartbeat", "vote", "read-index", "snapshot", "transfer"] as const;
export type MessageKind = (typeof messageKinds)[number];

export type Counts<Name extends string> = Record<Name, number>;

export function zeros<Name extends string>(names: readonly Name[]): Counts<Name> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Counts<Name>;
}
