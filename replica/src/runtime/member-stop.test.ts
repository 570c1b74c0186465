import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "./clock.ts";
import { encodeOutcomes } from "./forwarding-codec.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { limits } from "./limits.ts";
import { anyPut, healthyDisk, openLoneMember, silentTransport, soon } from "./lone-member-harness.ts";
import type { Member } from "./member.ts";
import { Proposals } from "./proposals.ts";
import { ReplicaError } from "./replica-api.ts";
import { WritePath } from "./write-path.ts";

const stopping = new ReplicaError("shutting-down", "stops", { outcome: "not-applied" });

describe("a member that has ended answers everybody", () => {
  let lifecycle: Lifecycle;
  let member: Member;
  let close: () => Promise<void>;

  beforeEach(async () => {
    ({ lifecycle, member, close } = await openLoneMember());
  });
  afterEach(() => close());

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
    await expect(member.write([anyPut()], { deadlineMs: soon(), forward: true })).rejects.toBe(stopping);
    await expect(member.reads.add(soon())).rejects.toBe(stopping);
  });

  test("who waits for it to be idle while it is removed", async () => {
    const written = member.write([anyPut()], { deadlineMs: soon(), forward: true }).catch(() => {});
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
    disk: healthyDisk,
    transport: { ...silentTransport, forward },
    proposals: new Proposals(() => 0, limits),
    wakeLoop: () => {},
    leader: () => 2n,
    isLeader: () => false,
    notLeaderError: () => stopping,
    awaitLeader: async () => true,
  });
  const written = writes.write([anyPut()], { deadlineMs: soon(), forward: true });
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  expect(writes.underWay).toBe(1);
  answer(encodeOutcomes([{ type: "put", revision: 3n, previous: undefined }]));
  await written;
  expect(writes.underWay).toBe(0);
});
