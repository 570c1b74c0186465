import type { Mutation } from "./mutation.ts";

/** Membership: which configuration counts, and when it may change. */
export const membershipMutations: readonly Mutation[] = [
  {
    name: "keeps-a-configuration-that-was-truncated",
    source: "dissertation §4.1",
    file: "raft.ts",
    search: "this.configurations.truncateFrom(first.index);",
    replace: "",
  },
  {
    name: "forgets-configurations-of-the-log-at-a-restart",
    source: "dissertation §4.1",
    file: "load-configurations.ts",
    search: "stack.push({ index: entry.index, configuration: decodeConfiguration(entry.data) });",
    replace: "",
  },
  {
    name: "leaves-joint-before-it-is-committed",
    source: "Raft §6, A2",
    file: "membership.ts",
    search: "if (!isJoint(raft.configuration) || !raft.configurations.isInForceCommitted()) return;",
    replace: "if (!isJoint(raft.configuration)) return;",
  },
  {
    name: "accepts-a-change-while-one-is-under-way",
    source: "A2",
    file: "membership.ts",
    search: "if (!raft.configurations.isInForceCommitted() || isJoint(configuration)) {",
    replace: "if (raft.term < 0n) {",
  },
  {
    name: "changes-before-an-entry-of-the-term-is-committed",
    source: "Ongaro 2015, A1",
    file: "membership.ts",
    search: 'if (!raft.hasCommittedInTerm()) return { reason: "term-not-committed" };',
    replace: "",
  },
  {
    name: "changes-from-a-configuration-that-the-caller-did-not-see",
    source: "A2",
    file: "membership.ts",
    search: 'if (index !== expectedIndex) return { reason: "index-mismatch", index };',
    replace: "",
  },
  {
    name: "never-leaves-a-joint-configuration",
    source: "A2",
    file: "raw-node.ts",
    search: "  maybeLeaveJoint(raft);\n",
    replace: "",
  },
  {
    name: "learner-campaigns",
    source: "dissertation §4.2.1, A20",
    file: "raft.ts",
    search: "isPromotable(): boolean {\n",
    replace:
      "isPromotable(): boolean {\n    if (this.term >= 0n) return this.log.unstable.snapshot === undefined;\n",
  },
  {
    name: "leaver-does-not-campaign-before-the-commit",
    source: "dissertation §4.2.2; found by schedules",
    file: "raft.ts",
    search: "isPromotable(): boolean {\n",
    replace: "isPromotable(): boolean {\n    if (!isVoter(this.configuration, this.id)) return false;\n",
  },
  {
    name: "leads-on-after-it-was-removed",
    source: "Raft §6",
    file: "raw-node.ts",
    search: "  maybeStepDown(raft);\n",
    replace: "",
  },
  {
    name: "promotes-a-learner-that-lacks-entries",
    source: "dissertation §4.2.1, A6",
    file: "membership.ts",
    search: "if (!isReady || lag > raft.options.promoteMaxLagEntries) {",
    replace: "if (!isReady) {",
  },
  {
    name: "promotes-a-learner-that-was-not-heard-of",
    source: "A6, etcd-io/etcd#15096",
    file: "membership.ts",
    search: "const isReady = learners.includes(member) && raft.isActive(member);",
    replace: "const isReady = learners.includes(member);",
  },
  {
    name: "changes-to-what-has-no-live-quorum",
    source: "A9",
    file: "membership.ts",
    search: "if (jointPosition(next, isLive) >= 1n) return undefined;",
    replace: "if (raft.term >= 0n) return undefined;",
  },
  {
    name: "does-not-tell-members-that-left",
    source: "design.md, A4",
    file: "tracker/tracker.ts",
    search: "if (id !== this.#options.id) this.#addLeaver(progress, index);",
    replace: "",
  },
];
