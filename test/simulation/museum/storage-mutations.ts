import type { Mutation } from "./mutation.ts";

/** The disk: what is durable when, and what is believed of what is found. */
export const storageMutations: readonly Mutation[] = [
  {
    name: "acknowledges-a-commit-before-it-is-flushed",
    faults: ["B4"],
    file: "storage/raft-log.ts",
    search: "        await this.#options.environment.commit(() => this.#queue(pending, next));\n",
    replace:
      "        void this.#options.environment.commit(() => this.#queue(pending, next)).catch(() => undefined);\n",
  },
  {
    name: "goes-on-after-a-flush-that-failed",
    faults: ["B5"],
    file: "storage/raft-log.ts",
    search:
      "        this.#abandon([pending, this.#pending, ...(compaction ? [compaction.waiters] : [])], error);\n        break;\n",
    replace: "        if (error === undefined) break;\n        pending.settle();\n        continue;\n",
  },
  {
    name: "skips-the-checksum-of-entries",
    faults: ["B7"],
    file: "storage/log-record.ts",
    search: 'if (record.readUInt32LE(0) !== crc32(record.subarray(4), crc32(key))) return "checksum";',
    replace: "",
  },
  {
    name: "skips-the-checksum-of-the-store",
    faults: ["B7"],
    file: "storage/store-backend.ts",
    search: "if (record.readUInt32LE(0) === checksumOf(table, key, value)) return value;",
    replace: "if (table !== undefined) return value;",
  },
  {
    name: "believes-a-log-whose-end-is-missing",
    faults: ["B10"],
    file: "storage/open-raft.ts",
    search: "  if (!isWhole) {",
    replace: "  if (!isWhole && count < 0n) {",
  },
  {
    name: "believes-a-log-older-than-the-superblock",
    faults: ["B2", "B10"],
    file: "storage/open-raft.ts",
    search: "  if (wentBack) {",
    replace: "  if (wentBack && floor.term < 0n) {",
  },
  {
    name: "takes-a-lost-log-for-a-blank-disk",
    faults: ["B1", "B10"],
    file: "storage/open-raft.ts",
    search: "  if (hasSuperblock) throw corrupt(",
    replace: "  if (hasSuperblock) return true;\n  if (hasSuperblock) throw corrupt(",
  },
  {
    name: "keeps-a-log-that-the-store-is-not-of-one-history-with",
    faults: ["A15", "B8"],
    file: "storage/start-rules.ts",
    search: 'return termAt(applied.index) === applied.term ? { kind: "keep" } : { kind: "discard" };',
    replace: 'return termAt(applied.index) !== undefined ? { kind: "keep" } : { kind: "discard" };',
  },
  {
    name: "starts-on-a-log-that-lacks-what-follows-the-store",
    faults: ["B7", "B10"],
    file: "storage/start-rules.ts",
    search: 'if (applied.index < bounds.baseIndex) return { kind: "gap" };',
    replace: 'if (applied.index < bounds.baseIndex) return { kind: "keep" };',
  },
  {
    name: "resets-the-log-before-the-snapshot-is-in-its-place",
    faults: ["A15", "B9"],
    file: "storage/data-directory.ts",
    search: "    try {\n      await durableRename(",
    replace:
      "    await log.reset({ index: received.snapshot.index, term: received.snapshot.term });\n    try {\n      await durableRename(",
  },
  {
    name: "renames-a-snapshot-without-flushing-the-folder",
    faults: ["B9"],
    file: "storage/layout.ts",
    search: "  await files.syncFolder(dirname(to));\n",
    replace: "",
  },
  {
    name: "installs-a-snapshot-that-was-not-flushed",
    faults: ["B9"],
    file: "storage/snapshot-receiver.ts",
    search: "    await file.sync();\n",
    replace: "",
  },
  {
    name: "installs-a-snapshot-without-its-checksum",
    faults: ["C2"],
    file: "storage/snapshot-receiver.ts",
    search: "if (!receiving.hash.digest().equals(description.checksum)) {",
    replace: "if (receiving.hash.digest().length === 0) {",
  },
  {
    name: "takes-a-chunk-without-its-checksum",
    faults: ["C2"],
    file: "storage/snapshot-receiver.ts",
    search: "if (crc32(data) !== checksum)",
    replace: "if (crc32(data) < 0)",
    outsideOfSimulation: "the checksum of the whole file finds the same damage later",
  },
  {
    name: "writes-the-applied-index-outside-of-its-transaction",
    faults: ["B8"],
    file: "apply/applier.ts",
    search:
      "      appliedIndex: this.#appliedIndex,\n      appliedTerm: this.#appliedTerm,\n      configurationIndex",
    replace:
      "      appliedIndex: this.#appliedIndex > 1n ? this.#appliedIndex - 1n : this.#appliedIndex,\n      appliedTerm: this.#appliedTerm,\n      configurationIndex",
  },
  {
    name: "applies-an-entry-twice",
    faults: ["B8"],
    file: "apply/applier.ts",
    search: "      results = this.#applyCommands(entry.data);\n",
    replace: "      this.#applyCommands(entry.data);\n      results = this.#applyCommands(entry.data);\n",
  },
  {
    name: "keeps-entries-that-a-later-append-replaced",
    rule: "Raft §5.3",
    faults: ["B6"],
    file: "storage/raft-log.ts",
    search: "      for (let i = next.lastIndex + 1n; first && i <= this.#bounds.lastIndex; i++) {",
    replace: "      for (let i = next.lastIndex + 2n; first && i <= this.#bounds.lastIndex; i++) {",
  },
  {
    name: "forgets-the-hard-state-of-a-write-that-waited",
    rule: "Raft figure 2",
    faults: ["B4"],
    file: "storage/log-pending.ts",
    search: "    if (hardState) this.hardState = hardState;\n",
    replace: "    if (hardState) this.hardState ??= hardState;\n",
  },
  {
    name: "answers-reads-of-what-was-compacted",
    faults: ["D7"],
    file: "mvcc/store.ts",
    search: "    if (revision >= this.compactedRevision) return undefined;\n",
    replace: "    if (revision >= 0n) return undefined;\n",
  },
];
