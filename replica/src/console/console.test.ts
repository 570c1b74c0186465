import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ReplicaEvent } from "../events.ts";
import type { MemberRecord, ReplicaStatus } from "../runtime/replica-api.ts";
import { Console } from "./console.ts";
import type { ConsoleReading } from "./console-members.ts";
import { newsSince } from "./console-news.ts";
import type { Counters } from "./history.ts";
import { sampleReport } from "./testing/sample-state.ts";

const status: ReplicaStatus = {
  version: "1.0.0",
  role: "leader",
  firstIndex: 1n,
  lastIndex: 110n,
  commitIndex: 100n,
  appliedIndex: 100n,
  durableAppliedIndex: 50n,
  configurationIndex: 7n,
  joint: false,
  compactedRevision: 0n,
  totalKeys: 3,
  storeBytesUsed: 1,
  storeBytesQuota: 2,
  logBytesUsed: 3,
  diskBytesAvailable: 4,
  diskRefused: false,
  problems: [],
};

const record = (id: bigint, name: string): MemberRecord => ({
  id,
  name,
  peerUrl: `http://${name}`,
  clientUrl: "",
  joinedIndex: 1n,
});

function readingOf(change: { readonly records?: readonly MemberRecord[] } = {}): ConsoleReading {
  const configuration = { voters: [1n, 2n, 3n], outgoing: [], learners: [], learnersNext: [] };
  const progress = { match: 90n, state: "replicate", recentActive: true };
  return {
    identity: {
      memberId: 1n,
      clusterId: 12n,
      name: "a",
      peerUrl: "",
      clientUrl: "",
      incarnation: 1n,
      removedIndex: undefined,
    },
    status,
    notReady: [],
    revision: 50n,
    proposalsPending: 0,
    raft: {
      role: "leader",
      term: 4n,
      leader: 1n,
      joint: false,
      configurationCommitted: true,
      transferTarget: undefined,
      configuration: { index: 7n, configuration },
      members: [
        { id: 1n, ...progress },
        { id: 2n, ...progress },
      ],
    } as unknown as NonNullable<ConsoleReading["raft"]>,
    records: change.records ?? [record(3n, "c"), record(2n, "b"), record(1n, "a")],
    peers: [],
  };
}

let nowMs: number;
let timers: (() => void)[];
let reading: ConsoleReading | undefined;
let events: ReplicaEvent[];
let revision: number;
let ask: (peerUrl: string) => Promise<typeof sampleReport>;
let console: Console;

beforeEach(() => {
  nowMs = 5_000;
  timers = [];
  reading = readingOf();
  events = [];
  revision = 1;
  ask = async () => sampleReport;
  const none = { bounds: [], counts: [] };
  console = new Console({
    version: "1.0.0",
    name: "a",
    clock: {
      wallMs: () => nowMs,
      after: (_delayMs, callback) => {
        timers.push(callback);
        return () => {
          timers = timers.filter((timer) => timer !== callback);
        };
      },
    },
    read: () => reading,
    counters: (): Counters => ({ revision, failed: 0, requestDurations: none, flushDurations: none }),
    configurationIndex: () => reading?.raft?.configuration.index,
    askPeer: (peerUrl) => ask(peerUrl),
    recentEvents: () => events,
  });
  console.start();
});
afterEach(() => console.stop());

function seconds(count: number): void {
  for (let second = 0; second < count; second++) {
    nowMs += 1_000;
    for (const timer of timers.splice(0)) timer();
  }
}

/** As a page gets it. */
async function stateSince(cursor: string) {
  const look = await console.look();
  return newsSince(look, cursor) ?? look.state;
}

function happened(member: string): void {
  const fields = { role: "follower", leader: member, term: "4" };
  events.push({ atMs: nowMs, id: "raft.role", level: "info", text: "", fields, suppressed: 0 });
}

describe("Console", () => {
  it("shows all members by name, with their own words, what the leader knows, and how far they lag", async () => {
    ask = async (peerUrl) => {
      if (peerUrl === "http://c") throw new Error("no answer");
      return { ...sampleReport, appliedIndex: 93, commitIndex: 95 };
    };
    const { members, store } = await stateSince("");
    expect(members.map(({ name, reach, lag }) => [name, reach, lag])).toEqual([
      ["a", "self", 0],
      ["b", "answers", 7],
      ["c", "silent", null],
    ]);
    expect(members.map(({ progress }) => progress?.matchIndex)).toEqual([90, 90, undefined]);
    expect(store).toMatchObject({ leaderId: "0000000000000001", commitIndex: 100, term: 4 });
  });

  it("does not wait for a peer that hangs", async () => {
    ask = () => new Promise(() => {});
    const asked = stateSince("");
    for (const timer of timers.splice(0)) timer();
    expect((await asked).members.map(({ reach }) => reach)).toEqual(["self", "unasked", "unasked"]);
  });

  it("a cursor brings what is new since then, and one of another start brings everything", async () => {
    seconds(3);
    happened("0000000000000002");
    const first = await stateSince("");
    expect([first.full, first.history.length, first.events.length]).toEqual([true, 3, 1]);
    seconds(2);
    happened("0000000000000003");
    const second = await stateSince(first.cursor);
    expect([second.full, second.history.length]).toEqual([false, 2]);
    expect(second.events.map(({ text }) => text)).toEqual(["c leads in term 4"]);
    const third = await stateSince(second.cursor);
    expect([third.history.length, third.events.length]).toEqual([0, 0]);
    const ahead = second.cursor.replace(/\.\d+\./, ".999.");
    for (const strange of ["zz.4.1", "...", "%%%", second.cursor.replace(/\..*/, ".x.y"), ahead]) {
      const { full, history } = await stateSince(strange);
      expect({ strange, full, rows: history.length }).toEqual({ strange, full: true, rows: 5 });
    }
  });

  it("an old cursor brings everything, as none does: news are of a minute at most", async () => {
    const { cursor } = await stateSince("");
    seconds(60);
    expect(await stateSince(cursor)).toMatchObject({ full: false, history: { length: 60 } });
    seconds(1);
    expect(await stateSince(cursor)).toMatchObject({ full: true, history: { length: 61 } });
    const later = await stateSince("");
    for (let count = 0; count < 61; count++) happened("0000000000000002");
    expect(await stateSince(later.cursor)).toMatchObject({ full: true, events: { length: 61 } });
  });

  it("keeps ten minutes of history, whatever the time it runs", async () => {
    seconds(1_500);
    const { history } = await stateSince("");
    expect(history).toHaveLength(600);
    expect(history.at(-1)![0]).toBe(nowMs);
  });

  it("remembers the names of members that have left, for the events that name them", async () => {
    happened("0000000000000003");
    await stateSince("");
    const left = readingOf({ records: [record(1n, "a"), record(2n, "b")] });
    reading = left;
    expect((await stateSince("")).events[0]!.text).toBe("c leads in term 4");
  });

  it("says since when a configuration is in force", async () => {
    const since = async () => (await stateSince("")).configuration?.sinceMs;
    expect(await since()).toBe(5_000);
    seconds(5);
    expect(await since()).toBe(5_000);
    reading = {
      ...reading!,
      raft: { ...reading!.raft!, configuration: { ...reading!.raft!.configuration, index: 8n } },
    };
    seconds(1);
    expect(await since()).toBe(11_000);
  });

  it("a replica that starts, or is of no cluster, has a page as well", async () => {
    reading = undefined;
    expect(await stateSince("")).toMatchObject({ self: { role: "starting" }, store: null, members: [] });
    reading = {
      ...readingOf({ records: [] }),
      raft: undefined,
      status: { ...status, role: "uninitialized" },
    };
    expect(await stateSince("")).toMatchObject({
      self: { role: "uninitialized" },
      store: null,
      configuration: null,
      members: [],
    });
  });

  it("is done when it is stopped", () => {
    console.stop();
    expect(timers).toEqual([]);
  });
});
