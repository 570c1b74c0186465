import { beforeEach, describe, expect, test } from "vitest";
import { empty, ids, LoopHarness, put } from "./raft-loop-harness.ts";

describe("RaftLoop", () => {
  let alone: LoopHarness;
  beforeEach(async () => {
    alone = new LoopHarness([1n]);
    await alone.elect();
    expect(alone.node.status().role).toBe("leader");
  });

  test("a write of a cluster of one is answered only when its entry is on disk (B4)", async () => {
    const answers: unknown[] = [];
    void alone.proposals.add([put()], 1000).then((outcomes) => answers.push(outcomes));
    alone.loop.schedule();
    await alone.clock.settle();
    expect(alone.appends).toHaveLength(1);
    expect(answers).toHaveLength(0);
    await alone.disk();
    expect(answers).toHaveLength(1);
  });

  test("what arrives while the disk writes shares the next entry: group commit", async () => {
    for (let i = 0; i < 2; i += 1) {
      void alone.proposals.add([put()], 1000);
      alone.loop.schedule();
      await alone.clock.settle();
    }
    const underWay = alone.appends.length;
    for (let i = 0; i < 5; i += 1) {
      void alone.proposals.add([put()], 1000);
      alone.loop.schedule();
      await alone.clock.settle();
    }
    expect(alone.appends).toHaveLength(underWay);
    await alone.disk();
    expect(alone.appends.at(-1)!.ready.entries).toHaveLength(1);
  });

  test("nothing is applied while the overlay is full, and nothing is lost", async () => {
    alone.canApply = false;
    const before = alone.applied.length;
    const answer = alone.proposals.add([put()], 1000);
    alone.loop.schedule();
    await alone.clock.settle();
    await alone.disk();
    expect(alone.applied).toHaveLength(before);
    alone.canApply = true;
    alone.loop.schedule();
    await alone.clock.settle();
    expect(await answer).toHaveLength(1);
  });

  test("a failed disk write ends it, and nothing is answered (B5)", async () => {
    const answers: unknown[] = [];
    alone.proposals.add([put()], 1000).then(
      () => answers.push("applied"),
      () => answers.push("failed"),
    );
    alone.loop.schedule();
    await alone.clock.settle();
    alone.appends[0]!.reject(new Error("EIO"));
    await alone.clock.settle();
    expect(alone.failures).toHaveLength(1);
    expect(answers).toEqual([]);
  });

  test("a process that was paused makes up for a few ticks only (C5)", async () => {
    const three = new LoopHarness(ids);
    await three.clock.advance(60_000);
    expect(three.node.status().role).toBe("follower");
    expect(three.sent).toEqual([]);
  });

  test("writes that become durable together are reported in their order, the first of them behind an install (A15)", async () => {
    const three = new LoopHarness(ids);
    const configuration = { index: 8n, configuration: { ...empty, voters: ids } };
    const address = { from: 2n, to: 1n, term: 2n };
    const append = async (index: bigint): Promise<void> => {
      const entry = { term: 2n, index, type: "normal", data: Buffer.from("x") } as const;
      const previous = { previousIndex: index - 1n, previousTerm: 2n };
      three.loop.receive([
        { type: "AppendEntries", ...address, ...previous, entries: [entry], commit: index },
      ]);
      await three.clock.settle();
    };
    const snapshot = { index: 9n, term: 2n, configuration };
    three.loop.receive([{ type: "InstallSnapshot", ...address, snapshot }]);
    await three.clock.settle();
    await append(10n);
    three.installs[0]!.finish();
    await three.clock.settle();
    await three.disk();
    await append(11n);
    expect(three.appends).toHaveLength(2);
    for (const { settle } of three.appends.splice(0)) settle();
    await three.clock.settle();
    expect(three.failures).toEqual([]);
    expect(three.applied.map(({ index }) => index)).toEqual([10n, 11n]);
  });

  test("a vote is asked for and granted only after the disk has it (B1, Raft §5.2)", async () => {
    const three = new LoopHarness(ids);
    const request = {
      from: 2n,
      to: 1n,
      term: 2n,
      lastLogIndex: 5n,
      lastLogTerm: 1n,
      transfer: true,
    } as const;
    three.loop.receive([{ type: "RequestVote", ...request }]);
    await three.clock.settle();
    expect(three.sent).toEqual([]);
    await three.disk();
    expect(three.sent).toMatchObject([{ type: "RequestVoteResponse", granted: true }]);
  });

  test("while a snapshot is installed nothing is applied, and appends wait behind it (A15)", async () => {
    const three = new LoopHarness(ids);
    const configuration = { index: 8n, configuration: { ...empty, voters: ids } };
    const snapshot = { index: 9n, term: 2n, configuration };
    const address = { from: 2n, to: 1n, term: 2n };
    three.loop.receive([{ type: "InstallSnapshot", ...address, snapshot }]);
    await three.clock.settle();
    const entry = { term: 2n, index: 10n, type: "normal", data: Buffer.from("x") } as const;
    const append = { previousIndex: 9n, previousTerm: 2n, entries: [entry], commit: 10n };
    three.loop.receive([{ type: "AppendEntries", ...address, ...append }]);
    await three.clock.settle();
    expect(three.installs).toHaveLength(1);
    expect(three.appends).toHaveLength(0);
    expect(three.applied).toEqual([]);
    three.installs[0]!.finish();
    await three.clock.settle();
    while (three.appends.length > 0) await three.disk();
    expect(three.applied.map(({ index }) => index)).toEqual([10n]);
  });

  test("what was appended behind a snapshot is not durable before it, also when one write takes both", async () => {
    const three = new LoopHarness(ids);
    const configuration = { index: 8n, configuration: { ...empty, voters: ids } };
    const address = { from: 2n, to: 1n, term: 2n };
    const snapshot = { index: 9n, term: 2n, configuration };
    three.loop.receive([{ type: "InstallSnapshot", ...address, snapshot }]);
    await three.clock.settle();
    const entry = { term: 2n, index: 10n, type: "normal", data: Buffer.from("x") } as const;
    const append = { previousIndex: 9n, previousTerm: 2n, entries: [entry], commit: 10n };
    three.loop.receive([{ type: "AppendEntries", ...address, ...append }]);
    await three.clock.settle();
    three.installs[0]!.finish();
    await three.clock.settle();
    while (three.appends.length > 0) {
      for (const { settle } of three.appends.splice(0)) settle();
      await three.clock.settle();
    }
    expect(three.failures).toEqual([]);
    expect(three.node.log.durableIndex).toBe(10n);
  });
});
