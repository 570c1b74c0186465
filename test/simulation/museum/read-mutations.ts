import type { Mutation } from "./mutation.ts";

/** Reads: when a read index may be answered. */
export const readMutations: readonly Mutation[] = [
  {
    name: "reads-without-asking-a-quorum",
    themes: ["reads"],
    rule: "dissertation §6.4",
    faults: ["A13"],
    file: "raft/read-index.ts",
    search: "if (confirmed < sequence) return;",
    replace: "",
  },
  {
    name: "read-joins-the-round-under-way",
    themes: ["reads"],
    rule: "design.md",
    faults: ["A11"],
    file: "raft/read-index-state.ts",
    search: "this.#gathering.push(read);",
    replace:
      "(this.#round === undefined ? this.#gathering : (this.#round.reads as PendingRead[])).push(read);",
  },
  {
    name: "reuses-a-read-token",
    themes: ["reads"],
    rule: "etcd-io/etcd#20418",
    faults: ["A11"],
    file: "raft/read-index-state.ts",
    search: "    this.#sequence++;\n    return this.#sequence;",
    replace: "    return 1n;",
  },
  {
    name: "counts-read-acknowledgements-of-earlier-terms",
    themes: ["reads"],
    faults: ["A11", "A12"],
    file: "raft/raft.ts",
    search: "      default:\n        break;\n    }\n    return false;",
    replace:
      '      default:\n        break;\n    }\n    return message.type === "HeartbeatResponse" && this.role === "leader";',
    outsideOfSimulation:
      "redundant: the numbers of rounds go on over the terms of a process, and with the process end the connections that could carry an old answer",
  },
  {
    name: "sends-a-lost-read-round-no-more",
    themes: ["reads"],
    isAboutLiveness: true,
    rule: "dissertation §6.4",
    faults: [],
    file: "raft/replication.ts",
    search: "const sequence = raft.reads.round?.sequence ?? 0n;",
    replace: "const sequence = 0n;",
  },
  {
    name: "reads-before-an-entry-of-the-term-is-committed",
    themes: ["reads"],
    rule: "dissertation §6.4",
    faults: ["A10"],
    file: "raft/read-index.ts",
    search: "if (!raft.reads.isRoundDue() || !raft.hasCommittedInTerm()) return;",
    replace: "if (!raft.reads.isRoundDue()) return;",
  },
  {
    name: "takes-answers-meant-for-an-earlier-incarnation",
    themes: ["reads"],
    faults: ["A14"],
    file: "raft/read-index-state.ts",
    search: "BigInt(Math.floor(options.random() * 2 ** 32)) << 32n",
    replace: "0n",
    outsideOfSimulation:
      "redundant: an answer comes over a connection of the process that asked, and ends with it",
  },
  {
    name: "confirms-reads-with-the-incoming-half",
    themes: ["joint"],
    rule: "Raft §6",
    faults: ["A20"],
    file: "raft/read-index.ts",
    search: "const confirmed = jointPosition(raft.configuration, (id) =>",
    replace: "const confirmed = jointPosition({ voters: raft.configuration.voters, outgoing: [] }, (id) =>",
  },
  {
    name: "keeps-reads-over-a-change-of-leader",
    themes: ["reads"],
    rule: "dissertation §6.4",
    faults: ["A12"],
    file: "raft/raft.ts",
    search: 'if (this.role === "leader") this.reads.failRounds(this.readFailures);\n',
    replace: "",
  },
];
