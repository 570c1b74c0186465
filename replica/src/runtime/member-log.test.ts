import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ReplicaEvents } from "../events.ts";
import type { Logger } from "../log.ts";
import { decodeConfiguration } from "../raft/confchange/codec.ts";
import { openDataDirectory } from "../storage/open-data-directory.ts";
import type { PeerTransport } from "../transport/types.ts";
import { systemClock } from "./clock.ts";
import { loadConfig } from "./config.ts";
import type { DiskWatch } from "./disk-watch.ts";
import { Lifecycle } from "./lifecycle.ts";
import { limits } from "./limits.ts";
import { MemberLog } from "./member-log.ts";
import { noMetrics } from "./runtime-metrics.ts";

type Fields = Readonly<Record<string, unknown>>;

let path: string;
let lines: Fields[];
let log: ReplicaEvents;

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), "rstore-member-log-"));
  lines = [];
  log = new ReplicaEvents({ level: "info", write: (_, fields) => lines.push(fields) });
});
afterEach(() => rmSync(path, { recursive: true, force: true }));

const linesOf = (msgId: string): Fields[] => lines.filter((line) => line.msgId === msgId);

/** One that founds a cluster, for which every write and apply that takes as long as this is slow. */
async function leads(slowMs: number, run: (lifecycle: Lifecycle) => Promise<void>): Promise<void> {
  const directory = await openDataDirectory(path, { randomBytes, decodeConfiguration, onFatal: () => {} });
  const lifecycle = new Lifecycle({
    directory,
    config: { ...loadConfig({ dataDir: path }, {}), slowFlushMs: slowMs },
    clock: systemClock,
    random: () => 0.5,
    log,
    metrics: noMetrics,
    limits: { ...limits, slowApplyMs: slowMs },
    disk: { check: async () => {}, problem: () => undefined, report: {} } as unknown as DiskWatch,
    failed: () => {},
  });
  try {
    lifecycle.start({ setPeers: () => {}, send: () => {} } as unknown as PeerTransport);
    await lifecycle.bootstrap(77n, lifecycle.identity().memberId);
    const member = lifecycle.expectMember();
    await member.awaitLeader(member.id, systemClock.nowMs() + 60_000);
    await run(lifecycle);
  } finally {
    await lifecycle.stop();
    await lifecycle.close();
  }
}

async function write(lifecycle: Lifecycle, type: "put" | "compact"): Promise<void> {
  const key = Buffer.from("k");
  const put = {
    type: "put",
    key,
    value: key,
    lease: 0n,
    previous: false,
    expectedModRevision: undefined,
  } as const;
  const member = lifecycle.expectMember();
  const operation = type === "put" ? put : ({ type, revision: member.machine.store.revision } as const);
  await member.write([operation], { deadlineMs: systemClock.nowMs() + 60_000, forward: false });
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
  await leads(0, async (lifecycle) => {
    await write(lifecycle, "put");
    await lifecycle.expectMember().machine.flush();
  });
  const targets = linesOf("flush.slow").map(({ target }) => target);
  expect(new Set(targets)).toEqual(new Set(["log", "store"]));
  expect(linesOf("apply.slow").length).toBe(1);
});

test("what is given up of history is told of when it is applied, whoever asked for it", async () => {
  await leads(60_000, async (lifecycle) => {
    await write(lifecycle, "put");
    await write(lifecycle, "put");
    await write(lifecycle, "compact");
    await write(lifecycle, "put");
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
