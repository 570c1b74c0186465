import { defineMessages, HALF_A_MINUTE_MS, NOTHING_TO_DO } from "./message.ts";

/** The data directory, its disk, and what is written there. */
export const storageMessages = defineMessages({
  "storage.repaired": {
    level: "warn",
    text: "{note}",
    fields: { note: "what was found and done at the start" },
    meaning: "Opening the directory found the end of a crash and put it right.",
    action: "None after a crash. Without one: look at the disk.",
  },
  "store.lost": {
    level: "error",
    text: "{why}; fetches a snapshot from a peer",
    fields: { minIndex: "the snapshot must reach at least to here", why: "what is wrong with the store" },
    meaning:
      "The store is damaged or gone and the log does not cover it. The member takes no part until it is whole.",
    action: "Let it recover; look at the disk. If no peer answers, remove the member and add an empty one.",
  },
  "store.recovered": {
    level: "info",
    text: "the store is whole again, at index {index}",
    fields: { index: "of the snapshot" },
    meaning: "The end of `store.lost`.",
    action: NOTHING_TO_DO,
  },
  "disk.low": {
    level: "warn",
    text: "{problem}",
    fields: {
      problem: "what to do about it",
      before: "the state until now: ok, low or full",
      cause: "quota or disk",
      freeBytes: "of the file system",
    },
    meaning: "Puts are refused; deletes, compaction, reads and changes of membership are served.",
    action: "Delete keys and compact, raise --quota-bytes, or give the disk more room.",
  },
  "disk.full": {
    level: "error",
    text: "{problem}",
    fields: {
      problem: "what to do about it",
      before: "the state until now: ok, low or full",
      cause: "quota or disk",
      freeBytes: "of the file system",
    },
    meaning: "The disk is about to refuse writes: the reserve was given up, and a leader hands over.",
    action: "Give the disk more room at once.",
  },
  "disk.ok": {
    level: "info",
    text: "there is room again: puts are served",
    fields: { before: "the state until now: low or full", freeBytes: "of the file system" },
    meaning: "The end of `disk.low` or `disk.full`.",
    action: NOTHING_TO_DO,
  },
  "disk.stalled": {
    level: "warn",
    text: "a disk write has not ended for {tookMs} ms: another member should lead",
    fields: { tookMs: "since the write began" },
    repeats: { everyMs: HALF_A_MINUTE_MS, by: [] },
    meaning: "This leader's disk stands still, and it hands leadership over.",
    action: "Look at the disk. After --disk-deadline-ms the process ends.",
  },
  "flush.slow": {
    level: "warn",
    text: "a durable write of the {target} took {tookMs} ms",
    fields: {
      target: "log, which every write waits for, or store",
      tookMs: "until the disk confirmed it",
      entries: "that the write held, for the log",
    },
    repeats: { everyMs: 10_000, by: ["target"] },
    meaning: "The disk took longer than --slow-flush-ms. Writes of the leader wait for its log.",
    action: "Look at the disk's latency and at who shares it.",
  },
  "apply.slow": {
    level: "warn",
    text: "applying entry {index} held the loop for {tookMs} ms",
    fields: { index: "of the entry", tookMs: "to apply it" },
    repeats: { everyMs: 10_000, by: [] },
    meaning: "One entry changed very many keys, or the processor is short. Everything else waited meanwhile.",
    action: "Delete ranges in smaller parts; give the replica more processor time.",
  },
  "log.compacted": {
    level: "debug",
    text: "the log begins after index {through} now",
    fields: { through: "the last index that was forgotten" },
    meaning: "Entries that are in the store on disk were forgotten.",
    action: NOTHING_TO_DO,
  },
  "history.compacted": {
    level: "info",
    text: "history before revision {revision} is given up",
    fields: { revision: "the oldest that can be read", before: "the oldest until now" },
    repeats: { everyMs: HALF_A_MINUTE_MS, by: [] },
    meaning: "A compaction, by a client or by --compaction-keep-revisions or -seconds, was applied.",
    action: NOTHING_TO_DO,
  },
});
