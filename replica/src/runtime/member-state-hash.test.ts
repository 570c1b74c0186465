import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { decodeCommandBatch } from "../apply/command.ts";
import { createLogger } from "../log.ts";
import { decodeConfiguration } from "../raft/confchange/codec.ts";
import { openDataDirectory } from "../storage/open-data-directory.ts";
import type { PeerTransport } from "../transport/types.ts";
import { systemClock } from "./clock.ts";
import { loadConfig } from "./config.ts";
import type { DiskWatch } from "./disk-watch.ts";
import { Lifecycle } from "./lifecycle.ts";
import { limits } from "./limits.ts";
import { noMetrics } from "./runtime-metrics.ts";

test("a leader puts its state's hash into the log for the others to compare, once for each (B14)", async () => {
  const path = mkdtempSync(join(tmpdir(), "rstore-state-hash-"));
  const directory = await openDataDirectory(path, { randomBytes, decodeConfiguration, onFatal: () => {} });
  const lifecycle = new Lifecycle({
    directory,
    config: loadConfig({ dataDir: path }, {}),
    clock: systemClock,
    random: () => 0.5,
    log: createLogger({ level: "silent", format: "json", name: "" }),
    metrics: noMetrics,
    limits,
    disk: { check: async () => {}, problem: () => undefined, report: {} } as unknown as DiskWatch,
    failed: () => {},
  });
  try {
    lifecycle.start({ setPeers: () => {}, send: () => {} } as unknown as PeerTransport);
    await lifecycle.bootstrap(77n, lifecycle.identity().memberId);
    const member = lifecycle.expectMember();
    const key = Buffer.from("k");
    const put = {
      type: "put",
      key,
      value: key,
      lease: 0n,
      previous: false,
      expectedModRevision: undefined,
    } as const;
    const deadlineMs = systemClock.nowMs() + 60_000;
    await member.awaitLeader(member.id, deadlineMs);
    for (let i = 0; i < 140; i++) await member.write([put], { deadlineMs, forward: false });
    const { log } = directory;
    const compared = log
      .entries(log.firstIndex(), log.lastIndex() + 1n, Number.POSITIVE_INFINITY)
      .filter(({ type, data }) => type === "normal" && data.length > 0)
      .map(({ data }) => decodeCommandBatch(data).stateHash?.appliedIndex)
      .filter((index) => index !== undefined);
    expect(compared).toEqual([64n, 128n]);
  } finally {
    await lifecycle.stop();
    await lifecycle.close();
    rmSync(path, { recursive: true, force: true });
  }
});
