import { describe, expect, test } from "vitest";
import { limits } from "./limits.ts";
import { LinearizableReads } from "./linearizable-reads.ts";

function requests(reads: LinearizableReads): bigint[] {
  const ids: bigint[] = [];
  reads.request((id) => ids.push(id));
  return ids;
}

async function state(promise: Promise<void>): Promise<"served" | "failed" | "waiting"> {
  const waiting = Symbol();
  const first = await Promise.race([
    promise.then(
      () => "served" as const,
      () => "failed" as const,
    ),
    Promise.resolve().then(() => Promise.resolve().then(() => Promise.resolve(waiting))),
  ]);
  return first === waiting ? "waiting" : (first as "served" | "failed");
}

describe("LinearizableReads", () => {
  test("a read is served once its read index is applied, not before (Raft dissertation §6.4)", async () => {
    const reads = new LinearizableReads(limits);
    const read = reads.add(100);
    const [requestId] = requests(reads);
    reads.confirmed([{ requestId: requestId!, index: 7n }]);
    reads.serve(6n);
    expect(await state(read)).toBe("waiting");
    reads.serve(7n);
    expect(await state(read)).toBe("served");
  });

  test("a read that comes after a request left waits for the next one (A11)", async () => {
    const reads = new LinearizableReads(limits);
    const early = reads.add(100);
    const [first] = requests(reads);
    const late = reads.add(100);
    reads.confirmed([{ requestId: first!, index: 1n }]);
    reads.serve(1n);
    expect(await state(early)).toBe("served");
    expect(await state(late)).toBe("waiting");
    const [second] = requests(reads);
    expect(second).not.toBe(first);
  });

  test("an answer to an unknown request confirms nothing (A11)", async () => {
    const reads = new LinearizableReads(limits);
    const read = reads.add(100);
    requests(reads);
    reads.confirmed([{ requestId: 99n, index: 1n }]);
    reads.serve(1n);
    expect(await state(read)).toBe("waiting");
  });

  test("what fails is asked again until its deadline (A12)", async () => {
    const reads = new LinearizableReads(limits);
    const read = reads.add(100);
    const [first] = requests(reads);
    reads.failed([{ requestId: first!, reason: "leader-changed" }]);
    expect(requests(reads)).toHaveLength(1);
    reads.expire(100);
    expect(await state(read)).toBe("failed");
    expect(reads.pending).toBe(0);
  });
});
