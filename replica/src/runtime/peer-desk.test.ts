import { expect, test } from "vitest";
import { createLogger } from "../log.ts";
import { runtimeCounted } from "../metrics/definitions.ts";
import { createInstruments } from "../metrics/instruments.ts";
import type { Heartbeat, Message } from "../raft/types.ts";
import type { PeerAddress, PeerHello } from "../transport/types.ts";
import { systemClock } from "./clock.ts";
import { DiskRefusals } from "./disk-refusals.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { limits } from "./limits.ts";
import { PeerDesk } from "./peer-desk.ts";
import { PeerDirectory } from "./peer-directory.ts";
import { RequestIntake } from "./request-intake.ts";
import { noMetrics } from "./runtime-metrics.ts";

const hello: PeerHello = {
  clusterId: 77n,
  from: 1n,
  to: 2n,
  incarnation: 1n,
  durableTerm: 1n,
  durableLastIndex: 1n,
  protocolVersion: 1,
  peerUrl: "http://127.0.0.1:7301",
};
/** Of this member to the other. */
const ownHello: PeerHello = { ...hello, from: 2n, to: 1n };
const heartbeat: Heartbeat = { type: "Heartbeat", from: 1n, to: 2n, term: 1n, commit: 0n, readSequence: 0n };

function deskWith(
  lifecycle: Lifecycle,
  diskRefusals = new DiskRefusals(systemClock, limits),
  metrics = noMetrics,
) {
  const log = createLogger({ level: "silent", format: "json", name: "" });
  const intake = new RequestIntake({ random: Math.random });
  return new PeerDesk({ lifecycle, peerUrl: "", log, limits, metrics, intake, diskRefusals });
}

function deskOf(memberId: bigint) {
  const joined: bigint[] = [];
  const lifecycle = {
    identity: () => ({ memberId }),
    join: (clusterId: bigint) => joined.push(clusterId),
  } as unknown as Lifecycle;
  return { joined, desk: deskWith(lifecycle) };
}

test("a blank replica joins the cluster whose leader calls it", () => {
  const { desk, joined } = deskOf(2n);
  desk.receive([heartbeat], hello);
  expect(joined).toEqual([77n]);
});

test("what was meant for the member before a reset makes the new one join nothing (A14)", () => {
  const { desk, joined } = deskOf(3n);
  desk.receive([heartbeat], hello);
  expect(joined).toEqual([]);
});

test("a replica between two directories refuses streams, and its own refusals change nothing", async () => {
  const lifecycle = {
    resetting: true,
    get directory(): never {
      throw new Error("there is none now");
    },
  } as unknown as Lifecycle;
  const metrics = createInstruments(runtimeCounted);
  const desk = deskWith(lifecycle, undefined, metrics);
  expect(await desk.admit(hello)).toMatchObject({ reason: "not-ready" });
  expect(() => desk.refused(ownHello, { reason: "removed", index: 5n })).not.toThrow();
  expect(metrics.peersRefused.labels({ reason: "not-ready" }).value).toBe(1);
  expect(metrics.refusedByPeers.labels({ reason: "removed" }).value).toBe(1);
});

test("a member answers whoever sends to it, also on a stream from before it was one", () => {
  const connected: (readonly PeerAddress[])[] = [];
  const peers = new PeerDirectory(2n, (all) => connected.push(all), limits);
  const received: Message[] = [];
  const loop = { receive: (messages: readonly Message[]) => received.push(...messages) };
  const lifecycle = { identity: () => ({ memberId: 2n }), member: { peers, loop } } as unknown as Lifecycle;
  const desk = deskWith(lifecycle);
  desk.receive([heartbeat], hello);
  desk.receive([heartbeat], hello);
  expect(connected).toEqual([[{ memberId: 1n, peerUrl: hello.peerUrl }]]);
  expect(received).toHaveLength(2);
});

test("a disk that a peer refuses as an old copy is known as such, and whoever was removed is told: not who came after (A4, A7, B2)", () => {
  const removed: bigint[] = [];
  const lifecycle = {
    directory: { identity: { memberId: 2n, joinedIndex: 3n } },
    removedAt: (index: bigint) => removed.push(index),
  } as unknown as Lifecycle;
  const refusals = new DiskRefusals(systemClock, limits);
  const desk = deskWith(lifecycle, refusals);
  desk.refused(ownHello, { reason: "not-ready", message: "" });
  expect(refusals.isRefused(2n)).toBe(false);
  desk.refused(ownHello, { reason: "stale-disk", message: "start 1 after start 2" });
  expect(refusals.isRefused(2n)).toBe(true);
  expect(removed).toEqual([]);
  desk.refused({ ...ownHello, from: 7n }, { reason: "removed", index: 5n });
  expect(removed).toEqual([]);
  desk.refused(ownHello, { reason: "removed", index: 5n });
  expect(removed).toEqual([5n]);
});
