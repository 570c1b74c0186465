import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
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

test("a leader compacts by the settings, through the log", async () => {
  const path = mkdtempSync(join(tmpdir(), "rstore-compaction-"));
  const lifecycle = new Lifecycle({
    directory: await openDataDirectory(path, { randomBytes, decodeConfiguration, onFatal: () => {} }),
    config: loadConfig({ dataDir: path, compactionKeepRevisions: "2" }, {}),
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
    const { store } = member.machine;
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
    await member.write([put, put, put, put, put], { deadlineMs, forward: false });
    expect(store.revision).toBe(6n);
    await expect.poll(() => store.compactedRevision, { timeout: 10_000 }).toBe(4n);
    expect(store.get(key, 4n)).toMatchObject({ modRevision: 4n });
    expect(store.get(key, 3n)).toMatchObject({ reason: "compacted" });
  } finally {
    await lifecycle.stop();
    await lifecycle.close();
    rmSync(path, { recursive: true, force: true });
  }
});
