import type { Mutation } from "./mutation.ts";

/** Who may take part: blank, removed, stale and foreign disks. */
export const identityMutations: readonly Mutation[] = [
  {
    name: "takes-part-before-the-disk-is-stamped",
    rule: "an empty disk never votes",
    faults: ["B1"],
    file: "runtime/lifecycle.ts",
    search: "    const stamped = this.#directory\n      .stampCluster(clusterId)\n",
    replace:
      "    void this.#directory.stampCluster(clusterId).catch((error) => this.#failed(error));\n    const stamped = Promise.resolve()\n",
  },
  {
    name: "removes-itself-by-a-configuration-older-than-its-joining",
    faults: ["A8"],
    file: "runtime/member.ts",
    search: "if (joinedIndex !== undefined && index >= joinedIndex) removed(index);",
    replace: "removed(index);",
  },
  {
    name: "does-not-notice-that-it-was-removed",
    faults: ["A4"],
    file: "runtime/member.ts",
    search: "if (joinedIndex !== undefined && index >= joinedIndex) removed(index);",
    replace: "",
  },
  {
    name: "forgets-its-removal-at-a-restart",
    faults: ["A4", "A7"],
    file: "storage/data-directory.ts",
    search: "    await this.#parts.log.writeIdentity({ removedIndex: index });\n",
    replace: "    if (index < 0n) await this.#parts.log.writeIdentity({ removedIndex: index });\n",
  },
  {
    name: "listens-to-a-removed-member",
    faults: ["A4"],
    file: "runtime/peer-gate.ts",
    search: 'if (removedIndex !== undefined) return { reason: "removed", index: removedIndex };',
    replace: "",
  },
  {
    name: "takes-messages-meant-for-another-member",
    faults: ["A14"],
    file: "runtime/peer-gate.ts",
    search: 'if (hello.to !== state.memberId) return { reason: "wrong-member", memberId: state.memberId };',
    replace: "",
  },
  {
    name: "listens-to-a-disk-that-forgot-what-it-acknowledged",
    faults: ["B2"],
    file: "runtime/peer-gate.ts",
    search: "    const before = this.#remembered.get(hello.from);\n",
    replace:
      "    if (state.memberId !== 0n) return undefined;\n    const before = this.#remembered.get(hello.from);\n",
  },
  {
    name: "a-bootstrap-wakes-a-member-that-was-removed",
    faults: ["B3", "A7"],
    file: "runtime/lifecycle.ts",
    search: "    if (this.isRemoved) throw this.#removedError();\n    if (this.#transport === undefined",
    replace: "    if (this.#transport === undefined",
  },
  {
    name: "moves-the-log-away-first-at-a-reset",
    rule: "the log last: while it is there, nothing takes the directory for a blank one",
    faults: ["E6", "B1"],
    file: "storage/open-data-directory.ts",
    search: '["snapshots", "incoming", "damaged-store", "store", "superblock", "raft"]',
    replace: '["raft", "superblock", "store", "damaged-store", "incoming", "snapshots"]',
  },
  {
    name: "draws-no-new-id-after-a-reset",
    rule: "a removed id never comes back",
    faults: ["A7", "B1"],
    file: "storage/open-raft.ts",
    search: "    memberId: drawMemberId(options.randomBytes),\n",
    replace: "    memberId: 7n,\n",
  },
  {
    name: "forgets-who-was-removed",
    rule: "tombstones",
    faults: ["A7"],
    file: "apply/members.ts",
    search: "if (!staying.has(id)) this.#overlay.set(",
    replace: "if (!staying.has(id) && next.index < 0n) this.#overlay.set(",
  },
];
