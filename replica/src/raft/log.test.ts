import { describe, expect, test } from "vitest";
import { AssertionError } from "../assert.ts";
import { EMPTY_CONFIGURATION } from "./confchange/configuration.ts";
import { RaftLog } from "./log.ts";
import { MemoryStorage } from "./memory-storage.ts";
import type { Entry, SnapshotMetadata } from "./types.ts";

function entry(index: bigint, term: bigint, bytes = 1): Entry {
  return { index, term, type: "normal", data: new Uint8Array(bytes) };
}

/** Entries from index 1 with these terms; the first `durable` of them on the disk, the rest not written. */
function logOf(terms: readonly bigint[], durable: number, compacted = 0n): RaftLog {
  const storage = new MemoryStorage();
  const entries = terms.map((term, i) => entry(BigInt(i) + 1n, term));
  storage.append(entries.slice(0, durable));
  storage.setApplied(compacted, { index: 0n, configuration: EMPTY_CONFIGURATION });
  storage.compact(compacted);
  const log = new RaftLog(storage, compacted, compacted);
  for (const each of entries.slice(durable)) log.push(each);
  return log;
}

function snapshot(index: bigint, term: bigint): SnapshotMetadata {
  return { index, term, configuration: { index: 0n, configuration: EMPTY_CONFIGURATION } };
}

describe("term", () => {
  test("is the same wherever an entry is: compacted, durable, not written, in a run of one term or not", () => {
    const terms = [1n, 1n, 2n, 4n, 4n, 5n, 5n, 5n];
    for (let durable = 0; durable <= terms.length; durable++) {
      for (let compacted = 0; compacted <= durable; compacted++) {
        const log = logOf(terms, durable, BigInt(compacted));
        for (let index = 0; index <= terms.length + 1; index++) {
          const expected = index < compacted ? undefined : index === 0 ? 0n : terms[index - 1];
          expect(log.term(BigInt(index))).toBe(expected);
        }
      }
    }
  });

  test("follows truncation", () => {
    const log = logOf([1n, 2n, 3n, 3n], 2);
    log.truncateFrom(3n);
    expect([log.lastIndex, log.lastTerm, log.term(3n)]).toEqual([2n, 2n, undefined]);
    log.push(entry(3n, 4n));
    expect([log.term(2n), log.term(3n)]).toEqual([2n, 4n]);
    log.truncateFrom(2n);
    log.push(entry(2n, 4n));
    expect([log.term(1n), log.term(2n), log.term(3n)]).toEqual([1n, 4n, undefined]);
  });
});

test("a log is at least as up to date by last term, then by length (Raft §5.4.1)", () => {
  const log = logOf([1n, 1n, 3n], 1);
  expect(log.isUpToDate(3n, 3n)).toBe(true);
  expect(log.isUpToDate(4n, 3n)).toBe(true);
  expect(log.isUpToDate(1n, 4n)).toBe(true);
  expect(log.isUpToDate(2n, 3n)).toBe(false);
  expect(log.isUpToDate(99n, 2n)).toBe(false);
});

describe("lastNotAfter", () => {
  test("agrees with a search of entry by entry, for every log of six entries", () => {
    for (let code = 0; code < 3 ** 6; code++) {
      // Terms that never go back: each step is 0, 1 or 2.
      let term = 1n;
      const terms = Array.from({ length: 6 }, (_, i) => {
        term += BigInt(Math.floor(code / 3 ** i) % 3);
        return term;
      });
      const log = logOf(terms, 3);
      for (let index = 0n; index <= 7n; index++) {
        for (let wanted = 0n; wanted <= term; wanted++) {
          let expected = index < 6n ? index : 6n;
          while (expected > 0n && terms[Number(expected) - 1]! > wanted) expected--;
          expect(log.lastNotAfter(index, wanted).index).toBe(expected);
        }
      }
    }
  });

  test("where the log is compacted the term is unknown", () => {
    const log = logOf([5n, 5n, 5n, 6n], 4, 2n);
    expect(log.lastNotAfter(4n, 5n)).toEqual({ index: 3n, term: 5n });
    expect(log.lastNotAfter(4n, 3n)).toEqual({ index: 1n, term: 0n });
    expect(log.lastNotAfter(1n, 9n)).toEqual({ index: 1n, term: 0n });
  });
});

describe("guards", () => {
  test("nothing committed is replaced (Raft §5.4.3)", () => {
    const log = logOf([1n, 1n, 1n], 3);
    log.commitTo(2n);
    expect(() => log.truncateFrom(2n)).toThrow("conflicts with the committed log");
    log.truncateFrom(3n);
    expect(log.lastIndex).toBe(2n);
  });

  test("a commit index beyond the end means that this disk lost entries (B1, B2)", () => {
    const log = logOf([1n, 1n], 2);
    expect(() => log.commitTo(3n)).toThrow("beyond our last index 2");
  });

  test("the commit index never goes back", () => {
    const log = logOf([1n, 1n, 1n], 3);
    log.commitTo(3n);
    log.commitTo(1n);
    expect(log.committed).toBe(3n);
    expect(() => log.restore(snapshot(3n, 1n))).toThrow(AssertionError);
  });

  test("what is applied was handed out", () => {
    const log = logOf([1n, 1n, 1n], 3);
    log.commitTo(3n);
    expect(() => log.appliedTo(1n)).toThrow(AssertionError);
  });

  test("terms never go back along the log", () => {
    expect(() => logOf([2n, 1n], 1)).toThrow(AssertionError);
  });
});

describe("slice", () => {
  test("ends early where what is durable ends, and says when it is compacted", () => {
    const log = logOf([1n, 1n, 1n, 1n, 1n], 3, 1n);
    expect(log.slice(1n, 4n, 100)).toBeUndefined();
    expect(log.slice(2n, 6n, 100)?.map((e) => e.index)).toEqual([2n, 3n]);
    expect(log.slice(4n, 6n, 100)?.map((e) => e.index)).toEqual([4n, 5n]);
    expect(log.slice(2n, 4n, 1)?.map((e) => e.index)).toEqual([2n]);
    expect(log.slice(6n, 6n, 1)).toEqual([]);
  });

  test("what is being written hides what it replaces on the disk", () => {
    const log = logOf([1n, 1n, 1n, 1n], 4);
    log.truncateFrom(3n);
    log.push(entry(3n, 2n));
    expect(log.slice(1n, 4n, 100)?.map((e) => e.term)).toEqual([1n, 1n]);
    expect(log.slice(3n, 4n, 100)?.map((e) => e.term)).toEqual([2n]);
    expect([log.term(4n), log.lastIndex]).toEqual([undefined, 3n]);
  });
});

describe("restore", () => {
  test("the whole log is gone, also what lay beyond the snapshot (hashicorp/raft#697, A15)", () => {
    const log = logOf([1n, 1n, 1n, 1n, 1n], 5);
    log.restore(snapshot(3n, 2n));
    expect(log).toMatchObject({ firstIndex: 4n, lastIndex: 3n, lastTerm: 2n, committed: 3n });
    expect([log.term(2n), log.term(3n), log.term(4n)]).toEqual([undefined, 2n, undefined]);
    expect(log.slice(2n, 3n, 10)).toBeUndefined();
  });

  test("nothing is handed out to be applied while it is being installed", () => {
    const log = logOf([1n, 1n], 2);
    log.restore(snapshot(5n, 2n));
    log.push(entry(6n, 2n));
    log.commitTo(6n);
    expect(log.nextCommitted(100)).toEqual([]);
    log.unstable.accept(1n, undefined);
    const settled = log.unstable.settle(1n);
    log.installed(settled.snapshot!);
    expect([log.handedOut, log.applied]).toEqual([5n, 5n]);
    expect(log.hasCommittedToApply()).toBe(true);
  });
});
