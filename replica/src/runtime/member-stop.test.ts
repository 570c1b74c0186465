import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { PutOperation } from "../apply/operation.ts";
import { createLogger } from "../log.ts";
import { decodeConfiguration } from "../raft/confchange/codec.ts";
import { openDataDirectory } from "../storage/open-data-directory.ts";
import type { PeerTransport } from "../transport/types.ts";
import { systemClock } from "./clock.ts";
import { loadConfig } from "./config.ts";
import type { DiskWatch } from "./disk-watch.ts";
import { encodeOutcomes } from "./forwarding-codec.ts";
import { Lifecycle } from "./lifecycle.ts";
import { limits } from "./limits.ts";
import type { Member } from "./member.ts";
import { Proposals } from "./proposals.ts";
import { ReplicaError } from "./replica-api.ts";
import { noMetrics } from "./runtime-metrics.ts";
import { WritePath } from "./write-path.ts";

const transport = { setPeers: () => {}, send: () => {} } as unknown as PeerTransport;
const disk = { check: async () => {}, problem: () => undefined, report: {} } as unknown as DiskWatch;
const stopping = new ReplicaError("shutting-down", "stops", { outcome: "not-applied" });
const soon = (): number => systemClock.nowMs() + 60_000;

function put(): PutOperation {
  const key = Buffer.from("k");
  return { type: "put", key, value: key, lease: 0n, previous: false, expectedModRevision: undefined };
}

describe("a member that has ended answers everybody", () => {
  let path: string;
  let lifecycle: Lifecycle;
  let member: Member;

  beforeEach(async () => {
    path = mkdtempSync(join(tmpdir(), "rstore-member-"));
    const directory = await openDataDirectory(path, { randomBytes, decodeConfiguration, onFatal: () => {} });
    lifecycle = new Lifecycle({
      directory,
      config: loadConfig({ dataDir: path }, {}),
      clock: systemClock,
      random: () => 0.5,
      log: createLogger({ level: "silent", format: "json", name: "" }),
      metrics: noMetrics,
      limits,
      disk,
      failed: () => {},
    });
    lifecycle.start(transport);
    await lifecycle.bootstrap(77n, lifecycle.identity().memberId);
    member = lifecycle.expectMember();
    await member.awaitLeader(member.id, soon());
  });

  afterEach(async () => {
    await lifecycle.stop();
    await lifecycle.close();
    rmSync(path, { recursive: true, force: true });
  });

  test("who asks for a turn of its loop", async () => {
    const asked = member.onLoop(() => "turn");
    const stopped = member.stop(stopping);
    await expect(asked).rejects.toBe(stopping);
    await stopped;
    await expect(member.onLoop(() => "turn")).rejects.toBe(stopping);
  });

  test("who waits for a change, a leader or its reads and writes, also when they come late", async () => {
    await member.stop(stopping);
    expect(await member.awaitLeader(5n, soon())).toBe(false);
    expect(await member.awaitChange(1000n, soon())).toBe(false);
    await expect(member.write([put()], { deadlineMs: soon(), forward: true })).rejects.toBe(stopping);
    await expect(member.reads.add(soon())).rejects.toBe(stopping);
  });

  test("who waits for it to be idle while it is removed", async () => {
    const written = member.write([put()], { deadlineMs: soon(), forward: true }).catch(() => {});
    const drained = member.drain();
    lifecycle.removedAt(9n);
    await drained;
    await written;
  });
});

test("a write that was passed on to the leader is under way until it is answered", async () => {
  let answer: (bytes: Uint8Array) => void = () => {};
  const forward = () =>
    new Promise<Uint8Array>((resolve) => {
      answer = resolve;
    });
  const writes = new WritePath({
    clock: systemClock,
    limits,
    disk,
    transport: { ...transport, forward },
    proposals: new Proposals(() => 0, limits),
    wakeLoop: () => {},
    leader: () => 2n,
    isLeader: () => false,
    notLeaderError: () => stopping,
    awaitLeader: async () => true,
  });
  const written = writes.write([put()], { deadlineMs: soon(), forward: true });
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  expect(writes.underWay).toBe(1);
  answer(encodeOutcomes([{ type: "put", revision: 3n, previous: undefined }]));
  await written;
  expect(writes.underWay).toBe(0);
});
