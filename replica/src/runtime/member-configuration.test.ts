import { afterEach, beforeEach, expect, test } from "vitest";
import { encodeConfiguration } from "../raft/confchange/codec.ts";
import type { MemberId } from "../raft/types.ts";
import { appliedKey, encodeStoreMeta } from "../storage/store-meta.ts";
import type { DataDirectory } from "../storage/types.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { openLoneReplica, silentTransport } from "./lone-member-harness.ts";

const clusterId = 77n;

let directory: DataDirectory;
let lifecycle: Lifecycle;
let close: () => Promise<void>;

beforeEach(async () => {
  ({ directory, lifecycle, close } = await openLoneReplica());
  await directory.stampCluster(clusterId);
});
afterEach(() => close());

/** The store as a snapshot leaves it: a configuration is in it, and its entry was never applied here. */
async function storeWith(voters: readonly MemberId[]): Promise<void> {
  const none = { outgoing: [], learners: [], learnersNext: [], context: Buffer.of() };
  const configuration = encodeConfiguration({ voters, ...none });
  const entries = [1n, 2n].map((index) => {
    return { index, term: 1n, type: "configuration", data: configuration } as const;
  });
  await directory.log.append({ hardState: { term: 1n, vote: 0n, commit: 2n }, entries });
  const meta = { appliedIndex: 2n, appliedTerm: 1n, configurationIndex: 2n, clusterId, clusterVersion: 0 };
  const value = encodeStoreMeta({ ...meta, configuration });
  await directory.store.commit([{ table: "meta", key: appliedKey, value }]);
}

test("a member knows that it has joined also when only a snapshot says so (A8)", async () => {
  await storeWith([5n, directory.identity.memberId]);
  lifecycle.start(silentTransport);
  await expect.poll(() => directory.identity.joinedIndex).toBe(2n);
  expect(lifecycle.member).toBeDefined();
});

test("a member knows that it is removed also when only a snapshot says so", async () => {
  await directory.markJoined(1n);
  await storeWith([5n]);
  lifecycle.start(silentTransport);
  await expect.poll(() => directory.identity.removedIndex).toBe(2n);
  expect(lifecycle.member).toBeUndefined();
});

test("a configuration from before its joining removes nobody (A8)", async () => {
  await directory.markJoined(3n);
  await storeWith([5n]);
  lifecycle.start(silentTransport);
  await new Promise((resolve) => setImmediate(resolve));
  expect(lifecycle.member).toBeDefined();
});

test("a member that joined and was removed in one go knows that it is removed (A4, A8)", async () => {
  const none = { outgoing: [], learners: [], learnersNext: [], context: Buffer.of() };
  const entries = [[5n, directory.identity.memberId], [5n]].map((voters, i) => {
    const data = encodeConfiguration({ voters, ...none });
    return { index: BigInt(i + 1), term: 1n, type: "configuration", data } as const;
  });
  await directory.log.append({ hardState: { term: 1n, vote: 0n, commit: 2n }, entries });
  lifecycle.start(silentTransport);
  await expect.poll(() => directory.identity.removedIndex).toBe(2n);
  expect(lifecycle.member).toBeUndefined();
});
