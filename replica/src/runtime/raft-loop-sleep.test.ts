import { describe, expect, test } from "vitest";
import { loadConfig } from "./config.ts";
import { limits } from "./limits.ts";
import { ids, LoopHarness, put } from "./raft-loop-harness.ts";

describe("RaftLoop between turns", () => {
  const timeoutMs = loadConfig({}, {}).electionTimeoutMs;
  const heartbeatMs = loadConfig({}, {}).heartbeatIntervalMs;

  test("an idle follower sleeps, and campaigns at the tick that is due (Raft §5.2)", async () => {
    const three = new LoopHarness(ids);
    await three.clock.settle();
    expect(await three.clock.idle(timeoutMs - 1)).toBeLessThanOrEqual(timeoutMs / (7 * limits.tickMs) + 1);
    expect(three.sent).toEqual([]);
    await three.clock.idle(1);
    expect(three.sent.map(({ type }) => type)).toEqual(["PreVote", "PreVote"]);
  });

  test("what a message moves comes at its new time: an answer of the leader delays the campaign", async () => {
    const three = new LoopHarness(ids);
    await three.clock.idle(timeoutMs - 500);
    const heartbeat = { from: 2n, to: 1n, term: 2n, commit: 1n, readSequence: 0n } as const;
    three.loop.receive([{ type: "Heartbeat", ...heartbeat }]);
    await three.clock.settle();
    await three.disk();
    const before = three.sent.length;
    await three.clock.idle(timeoutMs - 1);
    expect(three.sent).toHaveLength(before);
    await three.clock.idle(1);
    expect(three.sent.at(-1)).toMatchObject({ type: "PreVote" });
  });

  /** Member 1 leads term 2, and 2 has its first entry. */
  async function leader(): Promise<LoopHarness> {
    const three = new LoopHarness(ids);
    three.loop.run(() => three.node.campaign());
    await three.clock.settle();
    for (const type of ["PreVoteResponse", "RequestVoteResponse"] as const) {
      three.loop.receive([{ type, from: 2n, to: 1n, term: 2n, granted: true }]);
      await three.clock.settle();
      while (three.appends.length > 0) await three.disk();
    }
    expect(three.node.status().role).toBe("leader");
    three.sent.length = 0;
    return three;
  }

  test("a leader whose disk stands still says since when, and can hand over all that the others have (B12)", async () => {
    const three = await leader();
    expect(three.loop.writingSinceMs).toBe(undefined);
    three.proposals.add([put()], 60_000).catch(() => {});
    const sinceMs = three.clock.nowMs();
    three.loop.schedule();
    await three.clock.settle();
    await three.clock.idle(200);
    expect(three.loop.writingSinceMs).toBe(sinceMs);
    const index = three.node.status().lastIndex;
    const answer = { from: 2n, to: 1n, term: 2n, index, rejected: false, hintIndex: 0n, hintTerm: 0n };
    three.loop.receive([{ type: "AppendEntriesResponse", ...answer }]);
    three.loop.run(() => void three.node.transferLeadership(2n));
    await three.clock.settle();
    expect(three.sent).toContainEqual({ type: "TimeoutNow", from: 1n, to: 2n, term: 2n });
    await three.disk();
    expect(three.loop.writingSinceMs).toBe(undefined);
  });

  test("an idle leader sends its heartbeats in time, and wakes for little else", async () => {
    const three = await leader();
    expect(await three.clock.idle(4 * heartbeatMs)).toBeLessThanOrEqual(9);
    const beats = three.sent.filter(({ type, to }) => type === "Heartbeat" && to === 2n);
    expect(beats).toHaveLength(4);
  });

  test("a caller's deadline is kept while nothing else is due (D9)", async () => {
    const three = new LoopHarness(ids);
    const answer = three.reads.add(25).catch((error: Error) => error.message);
    three.loop.schedule();
    let answered = false;
    void answer.then(() => {
      answered = true;
    });
    await three.clock.idle(24);
    expect(answered).toBe(false);
    await three.clock.idle(2 * limits.tickMs);
    expect(answered).toBe(true);
  });

  test("the effects have their turn when they asked for it", async () => {
    const three = new LoopHarness(ids);
    await three.clock.settle();
    three.effectsDueMs = 15;
    three.loop.schedule();
    await three.clock.settle();
    three.effectsDueMs = Number.POSITIVE_INFINITY;
    expect(await three.clock.idle(20)).toBe(1);
  });

  test("time in which the process stood still counts for one sleep and a few ticks at most (C5)", async () => {
    const three = new LoopHarness(ids);
    for (let i = 0; i < 6; i += 1) {
      await three.clock.idle(heartbeatMs / 2);
      await three.clock.advance(10 * timeoutMs);
    }
    expect(three.sent).toEqual([]);
  });

  test("one that was stopped wakes no more", async () => {
    const three = new LoopHarness(ids);
    await three.clock.idle(50);
    three.loop.stop();
    expect(three.clock.timers).toBe(0);
    expect(await three.clock.idle(10 * timeoutMs)).toBe(0);
  });
});
