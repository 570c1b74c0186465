import { describe, expect, test } from "vitest";
import { decodeCommandBatch } from "../apply/command.ts";
import type { PutOperation, WriteResult } from "../apply/operation.ts";
import type { Entry, ProposeResult } from "../raft/types.ts";
import { limits } from "./limits.ts";
import { Proposals } from "./proposals.ts";
import { ReplicaError } from "./replica-api.ts";

function put(key: string, valueBytes = 1): PutOperation {
  return {
    type: "put",
    key: Buffer.from(key),
    value: new Uint8Array(valueBytes),
    lease: 0n,
    previous: false,
    expectedModRevision: undefined,
  };
}

/** A log that takes everything. */
function acceptingLog(term = 1n): { entries: Entry[]; propose: (data: Uint8Array) => ProposeResult } {
  const entries: Entry[] = [];
  return {
    entries,
    propose(data) {
      const index = BigInt(entries.length + 1);
      entries.push({ term, index, type: "normal", data });
      return { ok: true, term, index };
    },
  };
}

function resultsOf(entry: Entry): WriteResult[] {
  const { operations } = decodeCommandBatch(entry.data);
  return operations.map((_, i) => ({
    type: "put",
    revision: entry.index * 100n + BigInt(i),
    previous: undefined,
  }));
}

async function failure(promise: Promise<unknown>): Promise<ReplicaError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ReplicaError);
  return error as ReplicaError;
}

describe("Proposals", () => {
  test("what the others compare their state with goes with one entry (B14)", () => {
    let stateHash = { appliedIndex: 64n, hash: 5n };
    const proposals = new Proposals(() => 0, limits, { comparableStateHash: () => stateHash });
    const log = acceptingLog();
    const propose = () => {
      proposals.add([put("a")], 100).catch(() => {});
      proposals.proposeWaiting(log.propose);
    };
    proposals.add([put("a")], 100).catch(() => {});
    proposals.proposeWaiting(() => ({ ok: false, reason: "uncommitted-full", limit: 1 }));
    propose();
    propose();
    stateHash = { appliedIndex: 128n, hash: 6n };
    propose();
    expect(log.entries.map(({ data }) => decodeCommandBatch(data).stateHash)).toEqual([
      { appliedIndex: 64n, hash: 5n },
      undefined,
      { appliedIndex: 128n, hash: 6n },
    ]);
  });

  test("calls that wait together share one entry and get their own results", async () => {
    const proposals = new Proposals(() => 0, limits);
    const log = acceptingLog();
    const calls = [
      proposals.add([put("a")], 100),
      proposals.add([put("b"), put("c")], 100),
      proposals.add([put("d")], 100),
    ];
    proposals.proposeWaiting(log.propose);
    expect(log.entries).toHaveLength(1);
    proposals.applied(log.entries[0]!, resultsOf(log.entries[0]!));
    const revisions = (await Promise.all(calls)).map((outcomes) =>
      outcomes.map((o) => "revision" in o && o.revision),
    );
    expect(revisions).toEqual([[100n], [101n, 102n], [103n]]);
    expect(proposals.pending).toBe(0);
  });

  test("an entry ends at its target size", () => {
    const proposals = new Proposals(() => 0, limits);
    const log = acceptingLog();
    for (let i = 0; i < 4; i += 1) void proposals.add([put("k", limits.entryTargetBytes / 2)], 100);
    proposals.proposeWaiting(log.propose);
    expect(log.entries.length).toBeGreaterThan(1);
  });

  test("range deletes of several calls do not share an entry beyond what one may delete", () => {
    const proposals = new Proposals(() => 0, limits);
    const log = acceptingLog();
    const range = {
      start: Buffer.from("a"),
      end: Buffer.from("b"),
      previous: false,
      expectedModRevision: undefined,
    };
    for (let i = 0; i < 3; i += 1) void proposals.add([{ type: "delete", ...range }], 100);
    proposals.proposeWaiting(log.propose);
    expect(log.entries.map(({ data }) => decodeCommandBatch(data).operations.length)).toEqual([2, 1]);
  });

  test("a write whose place another leader's entry took was not applied (D9)", async () => {
    const proposals = new Proposals(() => 0, limits);
    const log = acceptingLog(1n);
    const call = proposals.add([put("a")], 100);
    proposals.proposeWaiting(log.propose);
    proposals.applied({ ...log.entries[0]!, term: 2n }, []);
    const error = await failure(call);
    expect(error.outcome).toBe("not-applied");
  });

  test.each([
    ["the older commits after all", 1n, ["applied", "not-applied"]],
    ["the newer commits", 3n, ["not-applied", "applied"]],
    ["another's commits", 4n, ["not-applied", "not-applied"]],
  ])("proposed twice at one index, after leading again: %s (D9)", async (_, term, expected) => {
    const proposals = new Proposals(() => 0, limits);
    const older = proposals.add([put("a")], 100);
    proposals.proposeWaiting(acceptingLog(1n).propose);
    const newer = proposals.add([put("b")], 100);
    const log = acceptingLog(3n);
    proposals.proposeWaiting(log.propose);
    proposals.applied({ ...log.entries[0]!, term }, [{ type: "put", revision: 2n, previous: undefined }]);
    const outcomes = [older, newer].map((call) =>
      call.then(
        () => "applied",
        (error: ReplicaError) => error.outcome,
      ),
    );
    expect(await Promise.all(outcomes)).toEqual(expected);
  });

  test("a deadline before the proposal means not applied, after it unknown (D9)", async () => {
    const proposals = new Proposals(() => 0, limits);
    const log = acceptingLog();
    const proposed = proposals.add([put("a")], 10);
    proposals.proposeWaiting(log.propose);
    const waiting = proposals.add([put("b")], 10);
    proposals.expire(10);
    expect((await failure(proposed)).outcome).toBe("unknown");
    expect((await failure(waiting)).outcome).toBe("not-applied");
  });

  test("an expired write that waits is never proposed", async () => {
    const proposals = new Proposals(() => 0, limits);
    const log = acceptingLog();
    const call = proposals.add([put("a")], 10);
    proposals.expire(11);
    proposals.proposeWaiting(log.propose);
    await failure(call);
    expect(log.entries).toHaveLength(0);
  });

  test("a snapshot over a proposed entry leaves its outcome unknown", async () => {
    const proposals = new Proposals(() => 0, limits);
    const log = acceptingLog();
    const call = proposals.add([put("a")], 100);
    proposals.proposeWaiting(log.propose);
    proposals.skipped(5n);
    expect((await failure(call)).outcome).toBe("unknown");
  });

  test("what waits while the core has no room is proposed later, in order", () => {
    const proposals = new Proposals(() => 0, limits);
    const log = acceptingLog();
    void proposals.add([put("a")], 100);
    proposals.proposeWaiting(() => ({ ok: false, reason: "uncommitted-full", limit: 1 }));
    void proposals.add([put("b")], 100);
    proposals.proposeWaiting(log.propose);
    const keys = decodeCommandBatch(log.entries[0]!.data).operations.map(
      (o) => "key" in o && Buffer.from(o.key).toString(),
    );
    expect(keys).toEqual(["a", "b"]);
  });

  test("the queue is bounded in bytes and says so", async () => {
    const proposals = new Proposals(() => 0, limits);
    const bytes = limits.proposalQueueMaxBytes / 2;
    void proposals.add([put("a", bytes)], 100);
    const error = await failure(proposals.add([put("b", bytes + 1)], 100));
    expect(error.reason).toBe("limit-exceeded");
    expect(error.detail.subject).toBe("proposalQueueMaxBytes");
    expect(error.outcome).toBe("not-applied");
  });
});
