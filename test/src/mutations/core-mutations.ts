/**
 * One guard of the consensus core, removed. `search` must occur exactly once in `file`: when the code moves on,
 * the mutation is to be moved with it.
 */
export interface Mutation {
  /** What the core does then, in kebab-case. */
  readonly name: string;
  /** Where the guard comes from. */
  readonly source: string;
  /** In replica/src/raft. */
  readonly file: string;
  readonly search: string;
  readonly replace: string;
}

const elections: readonly Mutation[] = [
  {
    name: "grants-vote-without-log-check",
    source: "Raft §5.4.1",
    file: "election.ts",
    search: "const granted = isVoteFree(raft, to) && isUpToDate(raft, message);",
    replace: "const granted = isVoteFree(raft, to);",
  },
  {
    name: "grants-pre-vote-without-log-check",
    source: "dissertation §9.6",
    file: "election.ts",
    search: "(message.term > raft.term || isVoteFree(raft, to)) && isUpToDate(raft, message)",
    replace: "(message.term > raft.term || isVoteFree(raft, to))",
  },
  {
    name: "votes-twice-in-a-term",
    source: "Raft §5.2",
    file: "election.ts",
    search: "return raft.vote === candidate || (raft.vote === NO_MEMBER && raft.leader === NO_MEMBER);",
    replace: "return raft.leader === NO_MEMBER;",
  },
  {
    name: "forgets-its-vote-at-a-restart",
    source: "Raft §5.2",
    file: "raft.ts",
    search: "this.vote = this.term === hardState.term ? hardState.vote : NO_MEMBER;",
    replace: "this.vote = NO_MEMBER;",
  },
  {
    name: "counts-own-vote-before-it-is-durable",
    source: "B4, etcd-io/etcd#14370",
    file: "election.ts",
    search: "  raft.becomeCandidate();\n",
    replace: "  raft.becomeCandidate();\n  raft.votes.set(raft.id, true);\n",
  },
  {
    name: "asks-for-votes-before-its-own-is-durable",
    source: "design.md, B4",
    file: "election.ts",
    search: "raft.sendAfterAppend({ type, from, to, term, lastLogIndex, lastLogTerm, transfer });",
    replace: "raft.send({ type, from, to, term, lastLogIndex, lastLogTerm, transfer });",
  },
  {
    name: "grants-vote-before-it-is-durable",
    source: "Raft §5.2, B4",
    file: "election.ts",
    search: 'raft.sendAfterAppend({ type: "RequestVoteResponse"',
    replace: 'raft.send({ type: "RequestVoteResponse"',
  },
  {
    name: "wins-election-with-the-incoming-half",
    source: "Raft §6, A20",
    file: "quorum/joint.ts",
    search: "const outgoing = majorityVotes(joint.outgoing, votes);",
    replace: 'const outgoing: VoteResult = "won";',
  },
  {
    name: "wins-election-with-the-outgoing-half",
    source: "Raft §6, A20",
    file: "quorum/joint.ts",
    search: "const incoming = majorityVotes(joint.voters, votes);",
    replace:
      'const incoming: VoteResult = joint.outgoing.length > 0 ? "won" : majorityVotes(joint.voters, votes);',
  },
  {
    name: "campaigns-without-pre-vote",
    source: "dissertation §9.6, A4",
    file: "election.ts",
    search: 'requestVotes(raft, "PreVote", false);',
    replace: "startElection(raft, false);",
  },
  {
    name: "votes-though-the-leader-lives",
    source: "dissertation §4.2.3, A4",
    file: "raft.ts",
    search: "if (this.isSticky() && !message.transfer) return false;",
    replace: "",
  },
  {
    name: "campaigns-while-a-snapshot-is-being-installed",
    source: "A15",
    file: "raft.ts",
    search: "if (this.log.unstable.snapshot !== undefined) return false;",
    replace: "",
  },
  {
    name: "leads-on-without-a-quorum",
    source: "dissertation §6.2, A19",
    file: "step-leader.ts",
    search: "if (!hasActiveQuorum(raft)) {",
    replace: "if (raft.term < 0n) {",
  },
];

const replication: readonly Mutation[] = [
  {
    name: "commits-entries-of-old-terms-by-counting",
    source: "Raft §5.4.2, figure 8",
    file: "replication.ts",
    search: "return position >= raft.termStartIndex && raft.commitTo(position);",
    replace: "return raft.commitTo(position);",
  },
  {
    name: "commits-with-the-incoming-half",
    source: "Raft §6",
    file: "quorum/joint.ts",
    search: "if (joint.outgoing.length === 0) return incoming;",
    replace: "if (joint.voters.length > 0) return incoming;",
  },
  {
    name: "commits-with-the-outgoing-half",
    source: "Raft §6",
    file: "quorum/joint.ts",
    search: "return lower(incoming, majorityPosition(joint.outgoing, acknowledged));",
    replace: "return majorityPosition(joint.outgoing, acknowledged);",
  },
  {
    name: "acknowledges-before-it-is-durable",
    source: "B4",
    file: "replication.ts",
    search: "raft.sendAfterAppend({ ...message, rejected: false",
    replace: "raft.send({ ...message, rejected: false",
  },
  {
    name: "counts-its-own-log-before-it-is-durable",
    source: "B4, etcd-io/etcd#14370",
    file: "raft.ts",
    search: "own?.maybeUpdate(this.log.durableIndex);",
    replace: "own?.maybeUpdate(this.log.lastIndex);",
  },
  {
    name: "takes-a-replaced-write-for-durable",
    source: "etcd-io/raft newStorageAppendRespMsg (ABA)",
    file: "log-unstable.ts",
    search: "if (write.lastIndex >= index) write.lastIndex = index - 1n;",
    replace: "",
  },
  {
    name: "lets-commit-go-back",
    source: "Raft §5.3",
    file: "raft.ts",
    search: "if (index <= this.log.committed) return false;\n    this.log.commitTo(index);",
    replace: "if (index === this.log.committed) return false;\n    this.log.committed = index;",
  },
  {
    name: "appends-without-the-previous-check",
    source: "Raft §5.3",
    file: "replication.ts",
    search: "if (!log.matches(previousIndex, previousTerm)) {",
    replace: "if (previousIndex > log.lastIndex) {",
  },
  {
    name: "truncates-entries-that-match",
    source: "Raft §5.3, figure 2",
    file: "replication.ts",
    search: "const from = log.firstNew(entries);",
    replace: "const from = entries.length > 0 ? 0 : undefined;",
  },
  {
    name: "commits-beyond-what-the-append-proved",
    source: "Raft figure 2, AppendEntries 5",
    file: "replication.ts",
    search: "raft.commitTo(lower(commit, lastNew));",
    replace: "raft.commitTo(lower(commit, log.lastIndex));",
  },
  {
    name: "heartbeat-commits-beyond-match",
    source: "etcd-io/raft bcastHeartbeat",
    file: "replication.ts",
    search: "const commit = lower(progress.match, raft.log.committed);",
    replace: "const commit = raft.log.committed;",
  },
  {
    name: "follower-believes-any-heartbeat-commit",
    source: "Raft §5.3",
    file: "log.ts",
    search: "if (index > this.lastIndex) {",
    replace: "if (index < 0n) {",
  },
  {
    name: "installs-a-snapshot-over-newer-state",
    source: "Raft §7, A15",
    file: "snapshot.ts",
    search: "if (snapshot.index <= log.committed) return log.committed;",
    replace: "",
  },
  {
    name: "applies-while-a-snapshot-is-being-installed",
    source: "A15, B8",
    file: "log.ts",
    search: "return this.handedOut < this.committed && this.unstable.snapshot === undefined;",
    replace: "return this.handedOut < this.committed;",
  },
  {
    name: "starts-in-a-term-below-its-log",
    source: "Raft §5.1; a snapshot install that was torn by a crash",
    file: "raft.ts",
    search: "this.term = higher(hardState.term, lastTerm);",
    replace: "this.term = hardState.term;",
  },
  {
    name: "starts-with-a-commit-below-what-is-applied",
    source: "design.md, start",
    file: "raft.ts",
    search: "const commit = higher(hardState.commit, appliedIndex);",
    replace: "const commit = hardState.commit;",
  },
  {
    name: "sends-a-snapshot-that-the-log-does-not-go-on-from",
    source: "A15",
    file: "snapshot.ts",
    search: "if (snapshot === undefined || snapshot.index < raft.log.firstIndex - 1n) return false;",
    replace: "if (snapshot === undefined) return false;",
  },
  {
    name: "never-gives-a-transfer-up",
    source: "dissertation §3.10, A17",
    file: "transfer.ts",
    search: "if (raft.transfer.elapsedTicks >= raft.options.electionTimeoutTicks) abortTransfer(raft);",
    replace: "",
  },
  {
    name: "takes-proposals-during-a-transfer",
    source: "dissertation §3.10, A17",
    file: "raw-node.ts",
    search: "if (raft.transfer !== undefined) {",
    replace: "if (raft.term < 0n) {",
  },
  {
    name: "begins-a-term-without-an-entry",
    source: "dissertation §6.4, A10",
    file: "raft.ts",
    search: 'this.appendEntry("normal", new Uint8Array(0));',
    replace: "",
  },
  {
    name: "gathers-uncommitted-entries-without-limit",
    source: "issue 3 section 2",
    file: "raw-node.ts",
    search: "if (bytes > 0 && bytes + data.length > uncommittedMaxBytes) {",
    replace: "if (bytes < 0) {",
  },
  {
    name: "pipelines-without-limit",
    source: "dissertation §10.2.1",
    file: "replication.ts",
    search: 'const windowIsFull = progress.state === "replicate" && progress.inflights.isFull();',
    replace: "const windowIsFull = false;",
  },
];

const reads: readonly Mutation[] = [
  {
    name: "reads-without-asking-a-quorum",
    source: "dissertation §6.4",
    file: "read-index.ts",
    search: "if (confirmed < sequence) return;",
    replace: "",
  },
  {
    name: "read-joins-the-round-under-way",
    source: "design.md, A11",
    file: "read-index-state.ts",
    search: "this.#gathering.push(read);",
    replace:
      "(this.#round === undefined ? this.#gathering : (this.#round.reads as PendingRead[])).push(read);",
  },
  {
    name: "reuses-a-read-token",
    source: "A11, etcd-io/etcd#20418",
    file: "read-index-state.ts",
    search: "    this.#sequence++;\n    return this.#sequence;",
    replace: "    return 1n;",
  },
  {
    name: "counts-read-acknowledgements-of-earlier-terms",
    source: "A11, A12",
    file: "raft.ts",
    search: "      default:\n        break;\n    }\n    return false;",
    replace:
      '      default:\n        break;\n    }\n    return message.type === "HeartbeatResponse" && this.role === "leader";',
  },
  {
    name: "sends-a-lost-read-round-no-more",
    source: "dissertation §6.4",
    file: "replication.ts",
    search: "const sequence = raft.reads.round?.sequence ?? 0n;",
    replace: "const sequence = 0n;",
  },
  {
    name: "reads-before-an-entry-of-the-term-is-committed",
    source: "dissertation §6.4, A10",
    file: "read-index.ts",
    search: "if (!raft.reads.isRoundDue() || !raft.hasCommittedInTerm()) return;",
    replace: "if (!raft.reads.isRoundDue()) return;",
  },
  {
    name: "takes-answers-meant-for-an-earlier-incarnation",
    source: "A14",
    file: "read-index-state.ts",
    search: "BigInt(Math.floor(options.random() * 2 ** 32)) << 32n",
    replace: "0n",
  },
  {
    name: "confirms-reads-with-the-incoming-half",
    source: "Raft §6, A20",
    file: "read-index.ts",
    search: "const confirmed = jointPosition(raft.configuration, (id) =>",
    replace: "const confirmed = jointPosition({ voters: raft.configuration.voters, outgoing: [] }, (id) =>",
  },
];

const membership: readonly Mutation[] = [
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

export const coreMutations: readonly Mutation[] = [...elections, ...replication, ...reads, ...membership];
