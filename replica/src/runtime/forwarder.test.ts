import { expect, test } from "vitest";
import { decodeCommandBatch } from "../apply/command.ts";
import type { DeleteOperation } from "../apply/operation.ts";
import { systemClock } from "./clock.ts";
import { Forwarder } from "./forwarder.ts";
import { encodeOutcomes } from "./forwarding-codec.ts";
import { limits } from "./limits.ts";

test("range deletes of several callers don't use up each other's share of an entry", async () => {
  const sent: number[] = [];
  const forward = async (_to: bigint, payload: Uint8Array): Promise<Uint8Array> => {
    const { operations } = decodeCommandBatch(payload);
    sent.push(operations.length);
    return encodeOutcomes(operations.map(() => ({ type: "delete", revision: 2n, deleted: 1, previous: [] })));
  };
  const forwarder = new Forwarder({ transport: { forward }, clock: systemClock, limits });
  const key = Buffer.from("k");
  const remove: DeleteOperation = {
    type: "delete",
    start: key,
    end: Buffer.from("l"),
    previous: false,
    expectedModRevision: undefined,
  };
  const deadlineMs = systemClock.nowMs() + 60_000;
  await Promise.all(Array.from({ length: 5 }, () => forwarder.forward(2n, [remove], { deadlineMs })));
  expect(sent).toEqual([2, 2, 1]);
});
