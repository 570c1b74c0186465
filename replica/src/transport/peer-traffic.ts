import {
  type Counts,
  type MessageKind,
  messageKinds,
  type PeerStream,
  peerStreams,
  zeros,
} from "../metrics/traffic.ts";
import type { Message } from "../raft/types.ts";

/** What a peer's connections carried, in both directions, since it became known. */
export class PeerTraffic {
  readonly sentBytes: Counts<PeerStream> = zeros(peerStreams);
  readonly receivedBytes: Counts<PeerStream> = zeros(peerStreams);
  readonly sentMessages: Counts<MessageKind> = zeros(messageKinds);
  readonly receivedMessages: Counts<MessageKind> = zeros(messageKinds);
  messagesDropped = 0;

  sent(messages: readonly Message[]): void {
    for (const { type } of messages) this.sentMessages[kinds[type]] += 1;
  }

  received(messages: readonly Message[]): void {
    for (const { type } of messages) this.receivedMessages[kinds[type]] += 1;
  }
}

const kinds: Readonly<Record<Message["type"], MessageKind>> = {
  PreVote: "vote",
  PreVoteResponse: "vote",
  RequestVote: "vote",
  RequestVoteResponse: "vote",
  AppendEntries: "append",
  AppendEntriesResponse: "append",
  Heartbeat: "heartbeat",
  HeartbeatResponse: "heartbeat",
  InstallSnapshot: "snapshot",
  TimeoutNow: "transfer",
  ReadIndexRequest: "read-index",
  ReadIndexResponse: "read-index",
};
