import type { Mutation } from "./mutation.ts";

/** Elections: who may lead. */
export const electionMutations: readonly Mutation[] = [
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
