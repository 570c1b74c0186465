import { defineMessages, HALF_A_MINUTE_MS, NOTHING_TO_DO } from "./message.ts";

/** Roles, terms, configurations, snapshots between members. */
export const raftMessages = defineMessages({
  "raft.role": {
    level: "info",
    text: "is {role} in term {term}, leader {leader}",
    fields: {
      role: "leader, follower, candidate or pre-candidate",
      leader: "id of the leader, 0 when none is known",
      term: "the current term",
    },
    meaning: "The role of this member changed, or who leads did.",
    action:
      "None for one change. Many in a row: slow disks, a blocked process or a bad network; see `flush.slow` and `peer.disconnected`.",
  },
  "raft.term": {
    level: "info",
    text: "term {term}",
    fields: { term: "the current term", before: "the one before" },
    repeats: { everyMs: 1000, by: [] },
    meaning: "An election began somewhere: each has a term of its own.",
    action: "As for `raft.role`.",
  },
  "raft.configuration": {
    level: "info",
    text: "configuration {configuration}",
    fields: {
      index: "of the entry that holds it",
      joint: "two configurations are in force at once",
      configuration: "index, voters and learners, in the notation of the consensus core",
    },
    meaning:
      "Another configuration is in force here, from its append on. A joint one is left as soon as it is committed.",
    action: "None, unless it stays joint: then a majority of one half is missing.",
  },
  "raft.handover": {
    level: "info",
    text: "hands leadership to member {to}: done {done}",
    fields: { to: "the successor", done: "it leads now", tookMs: "until that was known, or given up" },
    meaning: "A leader that stops, or whose disk is full or stalled, lets another member lead.",
    action: "None; where done is false an election follows.",
  },
  "raft.failed": {
    level: "error",
    text: "the consensus core failed in state {status}",
    fields: { status: "role, term, indexes and members, in the notation of the core" },
    meaning: "The loop ends; `replica.fatal` says why.",
    action: "Keep the line for a bug report.",
  },
  "snapshot.made": {
    level: "info",
    text: "made a snapshot at index {index}",
    fields: { index: "of the snapshot", bytes: "of its file", tookMs: "to make it" },
    meaning: "A member is behind the log, and a copy of the store was made for it.",
    action: "None, unless it is often: then raise --log-retained-entries and --log-retained-bytes.",
  },
  "snapshot.refused": {
    level: "warn",
    text: "no snapshot can be made: {message}",
    fields: { reason: "the storage's", message: "what is in the way" },
    repeats: { everyMs: HALF_A_MINUTE_MS, by: ["reason"] },
    meaning: "A member needs a snapshot and the copy failed. It is tried again.",
    action: "Most often disk space: a snapshot takes as much as the store.",
  },
  "snapshot.offered": {
    level: "info",
    text: "offers member {peer} the snapshot at index {index}",
    fields: { peer: "who is behind the log", index: "of the snapshot", bytes: "of its file" },
    repeats: { everyMs: HALF_A_MINUTE_MS, by: ["peer"] },
    meaning: "This leader, or a member that was asked by one without a store, lets it be fetched.",
    action: NOTHING_TO_DO,
  },
  "snapshot.sent": {
    level: "info",
    text: "member {peer} has fetched the snapshot",
    fields: { peer: "who fetched it" },
    meaning: "The whole file was sent.",
    action: NOTHING_TO_DO,
  },
  "snapshot.send.failed": {
    level: "warn",
    text: "member {peer} did not fetch the snapshot: {reason}",
    fields: { peer: "who was to fetch it", reason: "gave-up or no-progress" },
    repeats: { everyMs: HALF_A_MINUTE_MS, by: ["peer"] },
    meaning:
      "The transfer was given up on one end. The leader offers again when it is in touch with the member.",
    action: "If it repeats, look at that member's log and at the network between.",
  },
  "snapshot.fetch": {
    level: "info",
    text: "fetches the snapshot at index {index} from member {from}",
    fields: { from: "who offers it", index: "of the snapshot", bytes: "of its file" },
    meaning: "This member is behind the leader's log, or lost its store.",
    action: NOTHING_TO_DO,
  },
  "snapshot.fetch.interrupted": {
    level: "warn",
    text: "fetching the snapshot was interrupted at byte {offset}: {reason}",
    fields: { offset: "up to where it is here", reason: "what the connection or the disk said" },
    repeats: { everyMs: HALF_A_MINUTE_MS, by: [] },
    meaning: "It goes on from there.",
    action: "If it repeats, look at the network between the members.",
  },
  "snapshot.fetch.failed": {
    level: "warn",
    text: "the snapshot could not be taken in: {message}",
    fields: { reason: "the storage's", message: "what is wrong with it" },
    repeats: { everyMs: HALF_A_MINUTE_MS, by: ["reason"] },
    meaning: "The file is damaged or does not fit on this disk. It is discarded, and offered again.",
    action: "Look at this member's disk space; a damaged file that comes again means damage at its source.",
  },
  "snapshot.installed": {
    level: "info",
    text: "installed the snapshot at index {index}",
    fields: { index: "of the snapshot", tookMs: "to install it" },
    meaning: "The store was replaced by the snapshot, and the log goes on after it.",
    action: NOTHING_TO_DO,
  },
});
