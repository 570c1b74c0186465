import { defineMessages, HALF_A_MINUTE_MS, NOTHING_TO_DO } from "./message.ts";

/** Connections between members. */
export const peerMessages = defineMessages({
  "peer.connected": {
    level: "debug",
    text: "stream {stream} to member {peer} is open",
    fields: { peer: "the other member", stream: "control or bulk" },
    meaning: "One of the two streams to a member was opened.",
    action: NOTHING_TO_DO,
  },
  "peer.disconnected": {
    level: "debug",
    text: "stream {stream} to member {peer} ended: {reason}",
    fields: { peer: "the other member", stream: "control or bulk", reason: "what ended it" },
    meaning: "It is dialled again.",
    action: "If it repeats, look at the network and at the other member.",
  },
  "peer.lost": {
    level: "warn",
    text: "the connection to member {peer} is lost: {reason}",
    fields: { peer: "the other member", reason: "what ended it" },
    repeats: { everyMs: HALF_A_MINUTE_MS, by: ["peer"] },
    meaning: "A stream to a member that had been open ended. It is dialled again.",
    action: "None after a restart of that member; else as for `peer.disconnected`.",
  },
  "peer.stream.closed": {
    level: "debug",
    text: "a stream of member {peer} was ended: {reason}",
    fields: { peer: "who called", code: "the error's", reason: "what was wrong" },
    meaning: "This end gave up a stream that a member had opened.",
    action: NOTHING_TO_DO,
  },
  "peer.refused": {
    level: "warn",
    text: "turned member {peer} away: {reason}",
    fields: {
      peer: "who called",
      reason: "wrong-cluster, wrong-member, removed, stale-disk, unsupported-version or not-ready",
    },
    repeats: { everyMs: HALF_A_MINUTE_MS, by: ["peer", "reason"] },
    meaning: "A stream of a member was refused at its start: see *Who may decide* in ARCHITECTURE.md.",
    action:
      "not-ready passes. stale-disk: an old copy of a volume was put back; remove that member and add an empty one. The rest: an address that belongs to another cluster or member.",
  },
  "peer.refuses": {
    level: "warn",
    text: "turned away by member {peer}: {reason}{detail}",
    fields: { peer: "who refused", reason: "as for `peer.refused`", detail: "what it added" },
    repeats: { everyMs: HALF_A_MINUTE_MS, by: ["peer", "reason"] },
    meaning: "The other end of `peer.refused`.",
    action: "As for `peer.refused`, for this replica.",
  },
  "peer.queue.full": {
    level: "warn",
    text: "the queue to member {peer} is full: messages are dropped",
    fields: { peer: "who does not keep up", stream: "control or bulk" },
    repeats: { everyMs: HALF_A_MINUTE_MS, by: ["peer", "stream"] },
    meaning: "The member, or the way to it, is slower than what is sent. The consensus core sends again.",
    action: "Look at that member's processor and disk, and at the network.",
  },
  "peer.address.invalid": {
    level: "error",
    text: "the peer URL of member {peer} cannot be used: {peerUrl}",
    fields: { peer: "whose address it is", peerUrl: "as the configuration has it" },
    meaning: "It is not of the form http://host:port; the member cannot be reached until that is changed.",
    action: "`rstore member update` with the right URL.",
  },
  "peer.accept.failed": {
    level: "warn",
    text: "a connection to the peer port was not taken: {reason}",
    fields: { reason: "what the system said" },
    repeats: { everyMs: HALF_A_MINUTE_MS, by: [] },
    meaning: "The system refused it: most often too many open files.",
    action: "Look at the limit of open files.",
  },
  "peer.forward.failed": {
    level: "debug",
    text: "a forwarded write was answered with an error: {reason}",
    fields: { code: "the error's", reason: "what was wrong" },
    meaning:
      "A follower passed a write on and this replica did not carry it out; the follower decides what follows.",
    action: NOTHING_TO_DO,
  },
  "peer.snapshot.failed": {
    level: "warn",
    text: "sending a snapshot failed: {reason}",
    fields: { code: "the error's", reason: "what was wrong" },
    repeats: { everyMs: HALF_A_MINUTE_MS, by: ["code"] },
    meaning: "The stream of a transfer ended early. The member that fetches goes on from where it was.",
    action: "If it repeats, look at the network between.",
  },
});
