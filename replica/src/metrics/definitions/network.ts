import { type CountedDefinition, flag, type Sample, type ScrapedDefinition } from "../definition.ts";
import type { PeerReading, ReplicaReading } from "../reading.ts";
import { messageKinds, peerStreams, queuedStreams } from "../traffic.ts";
import { idLabel } from "./peer-labels.ts";

export const refusalReasons = [
  "wrong-cluster",
  "wrong-member",
  "removed",
  "stale-disk",
  "unsupported-version",
  "not-ready",
] as const;

const peer = { peer: "peer", peer_name: "peer" } as const;

function ofPeers(reading: ReplicaReading, value: (peer: PeerReading) => number | undefined): Sample[] {
  return reading.peers.flatMap((peer) => {
    const read = value(peer);
    return read === undefined ? [] : [{ labels: labelsOf(peer), value: read }];
  });
}

/** One sample for each peer and value of a further label. */
function byLabel<Value extends string>(
  label: string,
  values: readonly Value[],
  read: (peer: PeerReading) => Readonly<Record<Value, number>>,
): (reading: ReplicaReading) => Sample[] {
  return ({ peers }) =>
    peers.flatMap((peer) => {
      const counts = read(peer);
      return values.map((value) => ({ labels: { ...labelsOf(peer), [label]: value }, value: counts[value] }));
    });
}

function labelsOf({ memberId, name }: PeerReading): Record<string, string> {
  return { peer: idLabel(memberId), peer_name: name };
}

export const networkScraped: readonly ScrapedDefinition<ReplicaReading>[] = [
  {
    name: "rstore_peer_connected",
    help: "1 if there is a connection to the peer.",
    type: "gauge",
    labels: peer,
    read: (reading) => ofPeers(reading, ({ connected }) => flag(connected)),
  },
  {
    name: "rstore_peer_disconnects_total",
    help: "Connections with the peer that were lost.",
    type: "counter",
    labels: peer,
    read: (reading) => ofPeers(reading, ({ disconnects }) => disconnects),
  },
  {
    name: "rstore_peer_round_trip_seconds",
    help: "Last round trip to the peer.",
    type: "gauge",
    labels: peer,
    read: (reading) =>
      ofPeers(reading, ({ roundTripMs }) => (roundTripMs === undefined ? undefined : roundTripMs / 1000)),
  },
  {
    name: "rstore_peer_queued_bytes",
    help: "Bytes that wait to be sent to the peer.",
    type: "gauge",
    labels: { ...peer, stream: queuedStreams },
    read: byLabel("stream", queuedStreams, ({ queuedBytes }) => queuedBytes),
  },
  {
    name: "rstore_peer_queued_messages",
    help: "Messages that wait to be sent to the peer.",
    type: "gauge",
    labels: { ...peer, stream: queuedStreams },
    read: byLabel("stream", queuedStreams, ({ queuedMessages }) => queuedMessages),
  },
  {
    name: "rstore_peer_sent_bytes_total",
    help: "Bytes sent to the peer.",
    type: "counter",
    labels: { ...peer, stream: peerStreams },
    read: byLabel("stream", peerStreams, ({ sentBytes }) => sentBytes),
  },
  {
    name: "rstore_peer_received_bytes_total",
    help: "Bytes received from the peer.",
    type: "counter",
    labels: { ...peer, stream: peerStreams },
    read: byLabel("stream", peerStreams, ({ receivedBytes }) => receivedBytes),
  },
  {
    name: "rstore_peer_sent_messages_total",
    help: "Messages sent to the peer.",
    type: "counter",
    labels: { ...peer, kind: messageKinds },
    read: byLabel("kind", messageKinds, ({ sentMessages }) => sentMessages),
  },
  {
    name: "rstore_peer_received_messages_total",
    help: "Messages received from the peer.",
    type: "counter",
    labels: { ...peer, kind: messageKinds },
    read: byLabel("kind", messageKinds, ({ receivedMessages }) => receivedMessages),
  },
  {
    name: "rstore_peer_dropped_messages_total",
    help: "Messages to the peer that were dropped: no connection, or its queue was full.",
    type: "counter",
    labels: peer,
    read: (reading) => ofPeers(reading, ({ messagesDropped }) => messagesDropped),
  },
];

export const networkCounted = {
  peersRefused: {
    name: "rstore_peer_refused_total",
    help: "Streams of peers that this member refused; a refused peer dials again.",
    type: "counter",
    labels: { reason: refusalReasons },
  },
  refusedByPeers: {
    name: "rstore_peer_refusals_received_total",
    help: "Streams of this member that peers refused.",
    type: "counter",
    labels: { reason: refusalReasons },
  },
} as const satisfies Record<string, CountedDefinition>;
