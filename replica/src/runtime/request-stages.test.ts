import { expect, test } from "vitest";
import type { WriteOperation } from "../apply/operation.ts";
import { ReplicaEvents } from "../events.ts";
import type { Entry } from "../raft/types.ts";
import { FakeSpan } from "../tracing/fake-span.ts";
import { limits } from "./limits.ts";
import { Proposals } from "./proposals.ts";
import { RequestContext } from "./request-context.ts";
import { RequestStages } from "./request-stages.ts";

const operation: WriteOperation = { type: "compact", revision: 1n };
const results = [{ type: "compact", revision: 1n }] as const;

function setup() {
  const lines: Readonly<Record<string, unknown>>[] = [];
  const log = new ReplicaEvents({ level: "debug", write: (_, fields) => lines.push(fields) });
  const clock = { nowMs: () => 5 };
  const stages = new RequestStages({ clock, log });
  const proposals = new Proposals(() => 0, limits, { stages });
  const root = new FakeSpan("request");
  const propose = (index: bigint, term = 1n): Promise<unknown> => {
    const outcome = proposals.add([operation], 1000, [new RequestContext("a", "", root)]);
    proposals.proposeWaiting(() => ({ ok: true, index, term }));
    return outcome.catch((error: unknown) => error);
  };
  return { lines, stages, proposals, root, propose };
}

function entry(index: bigint, term = 1n): Entry {
  return { type: "normal", index, term, data: new Uint8Array(0) };
}

test("a write that succeeds has its stages below its proposal", async () => {
  const { stages, proposals, root, propose } = setup();
  const outcome = propose(7n);
  const durable = stages.flushing([entry(6n), entry(7n)]);
  stages.committed([entry(7n)]);
  proposals.applied(entry(7n), results, stages.startMs());
  await outcome;
  durable!();
  expect(root.describe()).toEqual([
    "request: open",
    "rstore.proposal: ok",
    "rstore.commit: ok",
    "rstore.flush: ok",
    "rstore.apply: ok",
  ]);
  expect(root.children[0]!.attributes).toEqual({ "rstore.index": 7, "rstore.term": 1 });
});

test("a write whose deadline passes ends in the stage in which it was; what follows is not its", async () => {
  const { stages, proposals, root, propose } = setup();
  const outcome = propose(7n);
  proposals.expire(2000);
  expect(await outcome).toMatchObject({ reason: "outcome-unknown" });
  expect(root.describe()).toContain("rstore.commit: outcome-unknown");
  stages.committed([entry(7n)]);
  expect(root.describe()).toContain("rstore.commit: outcome-unknown");
});

test("another leader's entry at the same index is not taken for the traced one", async () => {
  const { stages, proposals, root, propose } = setup();
  const outcome = propose(7n, 1n);
  stages.committed([entry(7n, 2n)]);
  expect(stages.flushing([entry(7n, 2n)])).toBeUndefined();
  expect(root.describe()).toContain("rstore.commit: open");
  proposals.applied(entry(7n, 2n), results, stages.startMs());
  expect(await outcome).toMatchObject({ reason: "not-leader" });
  expect(root.describe()).toEqual([
    "request: open",
    "rstore.proposal: not-leader",
    "rstore.commit: not-leader",
  ]);
  expect(stages.flushing([entry(7n, 1n)])).toBeUndefined();
});

test("entries that are never heard of again take no memory without end", () => {
  const { stages, root, propose } = setup();
  for (let index = 1n; index <= 3000n; index++) void propose(index);
  const entries = Array.from({ length: 3000 }, (_, at) => entry(BigInt(at + 1)));
  stages.flushing(entries);
  const followed = root.describe().filter((text) => text.startsWith("rstore.flush"));
  expect(followed.length).toBeLessThanOrEqual(1000);
  stages.skipped(3000n);
  expect(stages.flushing(entries)).toBeUndefined();
  expect(stages.startMs()).toBe(0);
});

test("a line names some of the requests that share an entry, and how many more there are", () => {
  const { lines, proposals } = setup();
  for (let at = 0; at < 100; at++) {
    void proposals.add([operation], 1000, [new RequestContext(`request-${at}`, "", undefined)]);
  }
  proposals.proposeWaiting(() => ({ ok: true, index: 1n, term: 1n }));
  const line = lines.find(({ msgId }) => msgId === "request.proposed")!;
  expect(line.requests).toMatch(/^request-0 request-1 .* request-63 and 36 more$/);
});
