import { describe, expect, it } from "vitest";
import { SoloMember } from "./solo-member.ts";

const options = { electionTimeoutTicks: 20, heartbeatTicks: 5, random: () => 0.5 };

/** Ticks until there is something to do. */
function ticksToReady(solo: SoloMember): number {
  for (let ticks = 1; ; ticks++) {
    solo.node.tick();
    if (solo.node.hasReady()) return ticks;
  }
}

/** What it says is exactly what comes. */
function expectDue(solo: SoloMember): number {
  solo.drain();
  const said = solo.node.ticksUntilDue();
  expect(ticksToReady(solo)).toBe(said);
  return said;
}

describe("ticksUntilDue", () => {
  it("is a follower's election timeout, also after some of it has passed", () => {
    const solo = SoloMember.born([1n, 2n, 3n], [], options);
    expect(expectDue(solo)).toBe(30);
    const other = SoloMember.born([1n, 2n, 3n], [], options);
    for (let i = 0; i < 7; i++) other.node.tick();
    expect(expectDue(other)).toBe(23);
  });

  it("is the time of a read that the leader does not answer (A11)", () => {
    const solo = SoloMember.born([1n, 2n, 3n], [], options);
    solo.append(2n, 2n, [0n, 0n], []);
    solo.drain();
    solo.node.readIndex(7n);
    for (let i = 0; i < 3; i++) solo.node.tick();
    solo.drain();
    // The leader is heard of again, so that the election is later than the read.
    solo.append(2n, 2n, [0n, 0n], []);
    expect(expectDue(solo)).toBe(17);
  });

  it("is a leader's next heartbeat", () => {
    const solo = SoloMember.born([1n, 2n, 3n], [], options);
    solo.lead([2n, 3n]);
    expect(expectDue(solo)).toBe(5);
    expect(expectDue(solo)).toBe(5);
  });

  it("is the end of a leader that no quorum answers, between two heartbeats (§6.2)", () => {
    const solo = SoloMember.born([1n, 2n, 3n], [], options);
    solo.lead([2n, 3n]);
    for (let i = 0; i < 3; i++) solo.node.tick();
    solo.acknowledge(2n, 2n);
    const waits = [];
    while (solo.node.status().role === "leader") waits.push(expectDue(solo));
    // Heartbeats after 2, 7, 12 and 17 ticks, and 20 after the last answer.
    expect(waits).toEqual([2, 5, 5, 5, 3]);
  });
});
