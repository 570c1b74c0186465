import { describe, expect, test } from "vitest";
import { OutboundQueue } from "./outbound-queue.ts";
import { appendEntries, heartbeat } from "./transport-harness.ts";

describe("outbound queue", () => {
  test("holds no more messages than its bound and keeps the older ones", () => {
    const queue = new OutboundQueue({ maxMessages: 2, maxBytes: 1_000_000, frameTargetBytes: 1_000_000 });
    expect([1n, 2n, 3n].map((commit) => queue.push(heartbeat(1n, 2n, commit)))).toEqual([true, true, false]);
    expect(queue.take()!.messages).toEqual([heartbeat(1n, 2n, 1n), heartbeat(1n, 2n, 2n)]);
    expect(queue.push(heartbeat(1n, 2n, 4n))).toBe(true);
  });

  test("holds no more bytes than its bound, but one message of any size", () => {
    const queue = new OutboundQueue({ maxMessages: 100, maxBytes: 10_000, frameTargetBytes: 1_000_000 });
    expect(queue.push(appendEntries(1n, 2n, [50_000]))).toBe(true);
    expect(queue.push(heartbeat(1n, 2n))).toBe(false);
    expect(queue.clear()).toBe(1);
    expect(queue.sizeBytes).toBe(0);
    expect(queue.push(appendEntries(1n, 2n, [5_000]))).toBe(true);
    expect(queue.push(appendEntries(1n, 2n, [5_000]))).toBe(false);
  });

  test("cuts frames at the target size, in order, without losing any", () => {
    const queue = new OutboundQueue({ maxMessages: 100, maxBytes: 1_000_000, frameTargetBytes: 10_000 });
    const messages = [4_000, 4_000, 50_000, 10, 10].map((size) => appendEntries(1n, 2n, [size]));
    for (const message of messages) queue.push(message);
    const frames = [queue.take()!, queue.take()!, queue.take()!].map((frame) => frame.messages.length);
    expect(frames).toEqual([2, 1, 2]);
    expect(queue.take()).toBeUndefined();
    expect(queue.sizeBytes).toBe(0);
  });
});
