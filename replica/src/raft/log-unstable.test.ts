import { describe, expect, test } from "vitest";
import { AssertionError } from "../assert.ts";
import { EMPTY_CONFIGURATION } from "./confchange/configuration.ts";
import { Unstable } from "./log-unstable.ts";
import type { Entry, SnapshotMetadata } from "./types.ts";

function entry(index: bigint, term: bigint, bytes = 1): Entry {
  return { index, term, type: "normal", data: new Uint8Array(bytes) };
}

function snapshot(index: bigint, term = 1n): SnapshotMetadata {
  return { index, term, configuration: { index: 1n, configuration: EMPTY_CONFIGURATION } };
}

/** Takes what is next, as a Ready would. */
function accept(unstable: Unstable, token: bigint): string {
  const entries = unstable.nextEntries().map(({ term, index }) => `${term}/${index}`);
  unstable.accept(token, undefined);
  return entries.join(" ");
}

describe("writes under way", () => {
  test("each entry is handed out once, and durable when its write settles", () => {
    const unstable = new Unstable(4n);
    unstable.push(entry(5n, 1n));
    expect(accept(unstable, 1n)).toBe("1/5");
    unstable.push(entry(6n, 1n));
    unstable.push(entry(7n, 1n));
    expect(accept(unstable, 2n)).toBe("1/6 1/7");
    expect(unstable.hasNext()).toBe(false);
    unstable.settle(1n);
    expect(unstable.offset).toBe(6n);
    unstable.settle(2n);
    expect(unstable).toMatchObject({ offset: 8n, lastIndex: 7n, writesUnderWay: 0 });
  });

  test("one token settles all writes before it", () => {
    const unstable = new Unstable(4n);
    for (let token = 1n; token <= 3n; token++) {
      unstable.push(entry(4n + token, 1n));
      accept(unstable, token);
    }
    unstable.settle(3n);
    expect(unstable.offset).toBe(8n);
  });

  test("a write vouches only for what no later write replaces", () => {
    const unstable = new Unstable(4n);
    for (const index of [5n, 6n, 7n]) unstable.push(entry(index, 1n));
    accept(unstable, 1n);
    unstable.truncateFrom(6n);
    unstable.push(entry(6n, 2n));
    unstable.settle(1n);
    expect(unstable).toMatchObject({ offset: 6n, lastIndex: 6n });
    expect(unstable.entry(6n).term).toBe(2n);
    expect(accept(unstable, 2n)).toBe("2/6");
    unstable.settle(2n);
    expect(unstable.offset).toBe(7n);
  });

  test("replaced, and replaced by the same again: only the last write counts (ABA, etcd-io/raft)", () => {
    const unstable = new Unstable(4n);
    unstable.push(entry(5n, 2n));
    accept(unstable, 1n);
    unstable.truncateFrom(5n);
    unstable.push(entry(5n, 3n));
    accept(unstable, 2n);
    unstable.truncateFrom(5n);
    unstable.push(entry(5n, 2n));
    accept(unstable, 3n);
    unstable.settle(1n);
    expect(unstable.offset).toBe(5n);
    unstable.settle(2n);
    expect(unstable.offset).toBe(5n);
    unstable.settle(3n);
    expect(unstable.offset).toBe(6n);
  });

  test("replaced below what was durable: that is not durable any more", () => {
    const unstable = new Unstable(9n);
    unstable.truncateFrom(7n);
    unstable.push(entry(7n, 2n));
    expect(unstable).toMatchObject({ offset: 7n, lastIndex: 7n });
    expect(accept(unstable, 1n)).toBe("2/7");
  });

  test("replaced below while a longer tail is being written: the old write vouches for nothing", () => {
    const unstable = new Unstable(4n);
    for (const index of [5n, 6n, 7n, 8n]) unstable.push(entry(index, 1n));
    accept(unstable, 1n);
    unstable.truncateFrom(5n);
    for (const index of [5n, 6n]) unstable.push(entry(index, 2n));
    accept(unstable, 2n);
    unstable.push(entry(7n, 2n));
    unstable.settle(1n);
    expect(unstable.offset).toBe(5n);
    unstable.settle(2n);
    expect(unstable).toMatchObject({ offset: 7n, lastIndex: 7n });
    expect(accept(unstable, 3n)).toBe("2/7");
  });
});

describe("snapshot", () => {
  test("it takes the place of everything, and writes before it vouch for nothing", () => {
    const unstable = new Unstable(4n);
    unstable.push(entry(5n, 1n));
    accept(unstable, 1n);
    unstable.restore(snapshot(20n));
    expect(unstable).toMatchObject({ offset: 21n, lastIndex: 20n });
    expect(unstable.nextSnapshot()?.index).toBe(20n);
    accept(unstable, 2n);
    expect(unstable.hasNext()).toBe(false);
    unstable.push(entry(21n, 2n));
    accept(unstable, 3n);
    expect(unstable.settle(1n).snapshot).toBeUndefined();
    expect(unstable.snapshot?.index).toBe(20n);
    expect(unstable.settle(2n).snapshot?.index).toBe(20n);
    expect(unstable.snapshot).toBeUndefined();
    unstable.settle(3n);
    expect(unstable.offset).toBe(22n);
  });

  test("two close together: the first to settle does not end the second (etcd-io/etcd#18055, A16)", () => {
    const unstable = new Unstable(4n);
    unstable.restore(snapshot(20n));
    accept(unstable, 1n);
    unstable.restore(snapshot(30n));
    accept(unstable, 2n);
    expect(unstable.settle(1n).snapshot?.index).toBe(20n);
    expect(unstable.snapshot?.index).toBe(30n);
    expect(unstable.settle(2n).snapshot?.index).toBe(30n);
    expect(unstable.snapshot).toBeUndefined();
  });
});

test("slices are bounded by bytes, but never empty", () => {
  const unstable = new Unstable(4n);
  for (const index of [5n, 6n, 7n]) unstable.push(entry(index, 1n, 10));
  const lengths = [0, 10, 19, 20, 29, 30].map((maxBytes) => unstable.slice(5n, 8n, maxBytes).length);
  expect(lengths).toEqual([1, 1, 1, 2, 2, 3]);
  expect(() => unstable.slice(4n, 6n, 10)).toThrow(AssertionError);
  expect(() => unstable.slice(5n, 9n, 10)).toThrow(AssertionError);
});

test("a gap is a bug", () => {
  expect(() => new Unstable(4n).push(entry(6n, 1n))).toThrow(AssertionError);
});
