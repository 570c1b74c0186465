import { describe, expect, test } from "vitest";
import { AssertionError } from "../assert.ts";
import { DELETE_MAX_KEYS, OVERLAY_MAX_BYTES } from "../mvcc/limits.ts";
import { MemoryBackend } from "../mvcc/testing/memory-backend.ts";
import type { Configuration, Entry } from "../raft/types.ts";
import { Applier } from "./applier.ts";
import { encodeCommandBatch, UnknownCommandError } from "./command.ts";
import { encodeMemberRecords } from "./member-records.ts";
import type { WriteOperation } from "./operation.ts";
import { DivergedError } from "./state-hashes.ts";

const clusterId = 77n;

/** The codec is the core's own affair; the applier only calls it. */
function decodeConfiguration(data: Uint8Array): Configuration {
  const ids = [...data.subarray(0, 3)].filter((id) => id > 0).map(BigInt);
  const record = (id: bigint) => ({ id, name: `m${id}`, peerUrl: "p", clientUrl: "c", joinedIndex: id });
  return {
    voters: ids,
    outgoing: data[3] ? [BigInt(data[3])] : [],
    learners: [],
    learnersNext: [],
    context: encodeMemberRecords(ids.map(record)),
  };
}

function applierOn(backend: MemoryBackend): Applier {
  return new Applier({ backend, clusterId, decodeConfiguration });
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function put(key: string, value: string): WriteOperation {
  return {
    type: "put",
    key: bytes(key),
    value: bytes(value),
    lease: 0n,
    previous: false,
    expectedModRevision: undefined,
  };
}

function entry(index: bigint, operations: readonly WriteOperation[], term = 1n): Entry {
  const data =
    operations.length === 0 ? new Uint8Array(0) : encodeCommandBatch({ originTimeMs: 1, operations });
  return { type: "normal", index, term, data };
}

/** As a leader proposes it that has applied everything before. */
function comparedEntry(leader: Applier, operations: readonly WriteOperation[]): Entry {
  const stateHash = leader.comparableStateHash;
  const data = encodeCommandBatch({ originTimeMs: 1, stateHash, operations });
  return { type: "normal", index: leader.appliedIndex + 1n, term: 1n, data };
}

function configurationEntry(index: bigint, ...ids: number[]): Entry {
  return { type: "configuration", index, term: 1n, data: Uint8Array.from(ids) };
}

function flush(applier: Applier, backend: MemoryBackend): void {
  const batch = applier.freeze();
  if (batch === undefined) return;
  backend.write(batch.writes);
  applier.release();
}

describe("entries", () => {
  test("each operation has a result, in order", () => {
    const applier = applierOn(new MemoryBackend());
    const missing: WriteOperation = {
      type: "delete",
      start: bytes("x"),
      end: undefined,
      previous: false,
      expectedModRevision: undefined,
    };
    const [applied] = applier.apply([entry(1n, [put("a", "1"), missing, { type: "compact", revision: 9n }])]);
    expect(applied!.results).toEqual([
      { type: "put", revision: 2n, previous: undefined },
      { type: "delete", revision: 2n, deleted: 0, previous: [] },
      { type: "refused", refusal: { reason: "future", revision: 2n } },
    ]);
    expect(applier.appliedIndex).toBe(1n);
  });

  test("the empty entry of a new leader moves the applied index and nothing else", () => {
    const applier = applierOn(new MemoryBackend());
    expect(applier.apply([entry(1n, [])])[0]!.results).toEqual([]);
    expect([applier.appliedIndex, applier.store.revision]).toEqual([1n, 1n]);
  });

  test("an entry out of order is a bug (B8)", () => {
    const applier = applierOn(new MemoryBackend());
    applier.apply([entry(1n, [put("a", "1")])]);
    expect(() => applier.apply([entry(1n, [put("a", "1")])])).toThrow(AssertionError);
    expect(() => applier.apply([entry(3n, [put("a", "1")])])).toThrow(AssertionError);
  });

  test("an unknown command stops the replica before it changes anything", () => {
    const applier = applierOn(new MemoryBackend());
    const good = entry(1n, [put("a", "1"), put("b", "1")]);
    const data = Uint8Array.from(good.data);
    data[0] = 3;
    expect(() => applier.apply([{ ...good, data }])).toThrow(UnknownCommandError);
    expect([applier.appliedIndex, applier.store.revision]).toEqual([0n, 1n]);
  });
});

describe("bounds", () => {
  test("range deletes of one entry take a bounded number of keys together, and the next entry has its own", () => {
    const applier = applierOn(new MemoryBackend());
    const prefixes = ["a", "b", "c"];
    let index = 0n;
    for (const prefix of prefixes) {
      for (let i = 0; i < 10; i++) {
        const puts = Array.from({ length: DELETE_MAX_KEYS / 10 }, (_, j) => put(`${prefix}${i}/${j}`, ""));
        applier.apply([entry(++index, puts)]);
      }
    }
    const deletes = prefixes.map((prefix) => ({
      type: "delete" as const,
      start: bytes(prefix),
      end: bytes(`${prefix}~`),
      previous: false,
      expectedModRevision: undefined,
    }));
    const [applied] = applier.apply([entry(++index, deletes)]);
    expect(applied!.results).toMatchObject([
      { deleted: DELETE_MAX_KEYS },
      { deleted: DELETE_MAX_KEYS },
      { type: "refused", refusal: { reason: "too-many-keys" } },
    ]);
    const [next] = applier.apply([entry(++index, deletes.slice(2))]);
    expect(next!.results).toMatchObject([{ deleted: DELETE_MAX_KEYS }]);
  });

  test("a full overlay says so until a batch is durable", () => {
    const backend = new MemoryBackend();
    const applier = applierOn(backend);
    const value = "x".repeat(1024 * 1024);
    let index = 0n;
    while (!applier.overlayFull) applier.apply([entry(++index, [put(`k${index}`, value)])]);
    expect(applier.overlayBytes).toBeGreaterThanOrEqual(OVERLAY_MAX_BYTES);
    expect(applier.overlayBytes).toBeLessThan(OVERLAY_MAX_BYTES + 2 * 1024 * 1024);
    expect(applier.freezeDue).toBe(true);
    flush(applier, backend);
    expect([applier.overlayFull, applier.overlayBytes]).toEqual([false, 0]);
  });
});

describe("restart", () => {
  test("continues at the durable applied index; replay gives the same hash (B8)", () => {
    const backend = new MemoryBackend();
    const applier = applierOn(backend);
    const entries = [entry(1n, []), entry(2n, [put("a", "1")]), entry(3n, [put("a", "2"), put("b", "1")])];
    applier.apply(entries.slice(0, 2));
    flush(applier, backend);
    expect(applier.durableAppliedIndex).toBe(2n);
    applier.apply(entries.slice(2));
    const again = applierOn(backend);
    expect([again.appliedIndex, again.appliedTerm, again.store.revision]).toEqual([2n, 1n, 2n]);
    again.apply(entries.slice(2));
    expect(again.stateHash).toEqual(applier.stateHash);
  });

  test("an entry without changes is made durable too", () => {
    const backend = new MemoryBackend();
    const applier = applierOn(backend);
    applier.apply([entry(1n, [])]);
    flush(applier, backend);
    expect(applierOn(backend).appliedIndex).toBe(1n);
    expect(applier.freeze()).toBeUndefined();
  });

  test("the store of another cluster is refused", () => {
    const backend = new MemoryBackend();
    const applier = applierOn(backend);
    applier.apply([entry(1n, [])]);
    flush(applier, backend);
    expect(() => new Applier({ backend, clusterId: 78n, decodeConfiguration })).toThrow(AssertionError);
  });
});

describe("members", () => {
  test("who is no longer in a committed configuration has a tombstone, also after a restart (A7)", () => {
    const backend = new MemoryBackend();
    const applier = applierOn(backend);
    applier.apply([configurationEntry(1n, 1, 2, 3), configurationEntry(2n, 1, 2, 0, 3)]);
    expect(applier.members.removedIndex(3n)).toBeUndefined();
    applier.apply([configurationEntry(3n, 1, 2)]);
    flush(applier, backend);
    const again = applierOn(backend);
    expect(again.members.removedIndex(3n)).toBe(3n);
    expect(again.members.removedIndex(2n)).toBeUndefined();
    expect(again.members.removedIndex(9n)).toBeUndefined();
    expect(again.members.records.map(({ name }) => name)).toEqual(["m1", "m2"]);
    expect(again.configuration).toEqual(applier.configuration);
  });

  test("a member that is in the configuration is not removed, whatever came before (A8)", () => {
    const applier = applierOn(new MemoryBackend());
    applier.apply([configurationEntry(1n, 1, 2), configurationEntry(2n, 1), configurationEntry(3n, 1, 2)]);
    expect(applier.members.removedIndex(2n)).toBeUndefined();
  });
});

describe("rolling hash (B14)", () => {
  const hashAfter = (entries: readonly Entry[]) => {
    const applier = applierOn(new MemoryBackend());
    applier.apply(entries);
    return applier.stateHash.hash;
  };

  test.each([
    ["a value", [entry(1n, [put("a", "2")])]],
    ["a key", [entry(1n, [put("b", "1")])]],
    ["a term", [entry(1n, [put("a", "1")], 2n)]],
    ["one more operation", [entry(1n, [put("a", "1"), put("a", "1")])]],
    ["a configuration", [configurationEntry(1n, 1)]],
  ])("differs with %s", (_, entries) => {
    expect(hashAfter(entries)).not.toBe(hashAfter([entry(1n, [put("a", "1")])]));
  });

  test("differs with the members of a configuration (A6)", () => {
    expect(hashAfter([configurationEntry(1n, 1)])).not.toBe(hashAfter([configurationEntry(1n, 2)]));
  });

  test("never agrees again after a difference, when what follows is equal", () => {
    const rest = Array.from({ length: 200 }, (_, i) => entry(BigInt(i + 2), [put(`k${i % 7}`, `${i}`)]));
    const a = applierOn(new MemoryBackend());
    const b = applierOn(new MemoryBackend());
    a.apply([entry(1n, [put("a", "1")])]);
    b.apply([entry(1n, [put("a", "2")])]);
    for (const next of rest) {
      a.apply([next]);
      b.apply([next]);
      expect(a.stateHash.hash).not.toBe(b.stateHash.hash);
    }
  });

  test("a state that is not the leader's is found within 64 entries, before the entry that tells is applied", () => {
    const leader = applierOn(new MemoryBackend());
    const follower = applierOn(new MemoryBackend());
    leader.apply([entry(1n, [put("a", "1")])]);
    follower.apply([entry(1n, [put("a", "2")])]);
    const catchUp = () => {
      while (leader.appliedIndex < 200n) {
        const next = comparedEntry(leader, [put("b", "1")]);
        leader.apply([next]);
        follower.apply([next]);
      }
    };
    expect(catchUp).toThrow(DivergedError);
    expect(leader.appliedIndex).toBe(65n);
    expect(follower.appliedIndex).toBe(64n);
  });

  test("what the log held at the start is not compared: a wrong hash in it would end every life of a right member", () => {
    const leader = applierOn(new MemoryBackend());
    const follower = new Applier({
      backend: new MemoryBackend(),
      clusterId,
      decodeConfiguration,
      comparedAfter: 65n,
    });
    leader.apply([entry(1n, [put("a", "1")])]);
    follower.apply([entry(1n, [put("a", "2")])]);
    const next = () => {
      const both = comparedEntry(leader, [put("b", "1")]);
      leader.apply([both]);
      follower.apply([both]);
    };
    while (leader.appliedIndex < 65n) next();
    expect(follower.appliedIndex).toBe(65n);
    expect(next).toThrow(DivergedError);
  });

  test("equal states are compared and go on; what a restart forgot is not compared", () => {
    const backend = new MemoryBackend();
    const leader = applierOn(new MemoryBackend());
    let follower = applierOn(backend);
    for (let i = 0; i < 64; i++) {
      const next = comparedEntry(leader, [put("a", `${i}`)]);
      leader.apply([next]);
      follower.apply([next]);
    }
    flush(follower, backend);
    follower = applierOn(backend);
    const told = comparedEntry(leader, [put("b", "1")]);
    leader.apply([told]);
    follower.apply([told]);
    expect(follower.comparableStateHash).toBeUndefined();
    expect(follower.stateHash).toEqual(leader.stateHash);
  });
});
