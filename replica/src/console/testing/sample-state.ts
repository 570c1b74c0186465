import type { ConsoleMember, ConsoleState, MemberReport } from "../console-state.ts";

export const sampleReport: MemberReport = {
  role: "follower",
  leaderId: "1",
  term: 4,
  lastIndex: 100,
  commitIndex: 100,
  appliedIndex: 100,
  storeBytesUsed: 4_096,
  storeBytesQuota: 1 << 20,
  logBytesUsed: 8_192,
  diskBytesAvailable: 1 << 30,
  version: "1.0.0",
  problems: [],
};

/** r1, r2, …: voters with ids 1, 2, … that answer; the page is of r1. */
export function sampleMember(at: number, change: Partial<ConsoleMember> = {}): ConsoleMember {
  return {
    id: String(at),
    name: `r${at}`,
    kind: "voter",
    reach: at === 1 ? "self" : "answers",
    silentSinceMs: null,
    report: sampleReport,
    lag: 0,
    progress: null,
    roundTripMs: at === 1 ? null : 0.5,
    ...change,
  };
}

/** Three voters, led by r1 in term 4. */
export function sampleState(change: Partial<ConsoleState> = {}): ConsoleState {
  return {
    cursor: "",
    full: true,
    nowMs: 1_000_000,
    self: {
      name: "r1",
      memberId: "1",
      clusterId: "c",
      version: "1.0.0",
      role: "leader",
      startedMs: 0,
      notReady: [],
    },
    store: {
      leaderId: "1",
      term: 4,
      commitIndex: 100,
      revision: 50,
      compactedRevision: 0,
      keys: 10,
      proposalsPending: 0,
    },
    configuration: {
      index: 7,
      committed: true,
      joint: false,
      voters: ["1", "2", "3"],
      outgoing: [],
      learners: [],
      learnersNext: [],
      sinceMs: 0,
      transferTarget: null,
    },
    members: [sampleMember(1), sampleMember(2), sampleMember(3)],
    history: [],
    events: [],
    ...change,
  };
}
