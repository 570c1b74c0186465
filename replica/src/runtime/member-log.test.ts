import { beforeEach, expect, test } from "vitest";
import { ReplicaEvents } from "../events.ts";
import type { Logger } from "../log.ts";
import { anyPut, openLoneMember, soon } from "./lone-member-harness.ts";
import type { Member } from "./member.ts";
import { MemberLog } from "./member-log.ts";

type Fields = Readonly<Record<string, unknown>>;

let lines: Fields[];
let log: ReplicaEvents;

beforeEach(() => {
  lines = [];
  log = new ReplicaEvents({ level: "info", write: (_, fields) => lines.push(fields) });
});

const linesOf = (msgId: string): Fields[] => lines.filter((line) => line.msgId === msgId);

/** One that founds a cluster, for which every write and apply that takes as long as this is slow. */
async function leads(slowMs: number, run: (member: Member) => Promise<void>): Promise<void> {
  const { member, close } = await openLoneMember({
    config: { slowFlushMs: slowMs },
    limits: { slowApplyMs: slowMs },
    log,
  });
  try {
    await run(member);
  } finally {
    await close();
  }
}

async function write(member: Member, type: "put" | "compact"): Promise<void> {
  const operation = type === "put" ? anyPut() : ({ type, revision: member.machine.store.revision } as const);
  await member.write([operation], { deadlineMs: soon(), forward: false });
}

test("a founder's way to leadership is in the log: identity, cluster, configuration, role", async () => {
  await leads(60_000, async () => {});
  expect(lines.map(({ msgId }) => msgId).filter((id) => id !== "raft.role")).toEqual([
    "replica.identity",
    "replica.founded",
    "raft.configuration",
  ]);
  expect(linesOf("replica.identity")).toMatchObject([{ state: "blank" }]);
  expect(linesOf("raft.configuration")).toMatchObject([{ index: "1", joint: false }]);
  expect(linesOf("raft.role").at(-1)).toMatchObject({ role: "leader" });
});

test("a disk write and an apply that take too long are told of, with what they were of", async () => {
  await leads(0, async (member) => {
    await write(member, "put");
    await member.machine.flush();
  });
  const targets = linesOf("flush.slow").map(({ target }) => target);
  expect(new Set(targets)).toEqual(new Set(["log", "store"]));
  expect(linesOf("apply.slow").length).toBe(1);
});

test("what is given up of history is told of when it is applied, whoever asked for it", async () => {
  await leads(60_000, async (member) => {
    await write(member, "put");
    await write(member, "put");
    await write(member, "compact");
    await write(member, "put");
  });
  expect(linesOf("history.compacted")).toHaveLength(1);
  expect([...linesOf("flush.slow"), ...linesOf("apply.slow")]).toEqual([]);
});

test("a term that comes with a role is told once, one that comes alone by itself", () => {
  const told: unknown[] = [];
  const logger: Logger = { isDebug: false, record: (id, fields) => void told.push([id, fields]) };
  const memberLog = new MemberLog(logger, { term: 1n, compactedRevision: 0n });
  memberLog.roleChanged({ role: "candidate", leader: 0n }, 2n);
  memberLog.progressed({ term: 2n, compactedRevision: 0n });
  memberLog.progressed({ term: 3n, compactedRevision: 0n });
  memberLog.progressed({ term: 3n, compactedRevision: 0n });
  expect(told).toEqual([
    ["raft.role", { role: "candidate", leader: "0".repeat(16), term: 2n }],
    ["raft.term", { term: 3n, before: 2n }],
  ]);
});
