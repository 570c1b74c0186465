import { describe, expect, it } from "vitest";
import { checkHistory } from "./check-history.ts";
import type { Input, KeySeen, Operation, Output, ReadInput, Served } from "./operation.ts";
import type { ProblemKind } from "./problem.ts";

type Span = readonly [invoked: number, returned: number];

const never = Number.POSITIVE_INFINITY;
const unknown: Output = { type: "unknown", reason: "deadline" };

function op(
  [invoked, returned]: Span,
  input: Input,
  output: Output,
  rest: Partial<Operation> = {},
): Operation {
  return { client: 0, input, output, invoked, returned, ...rest };
}

const seen = (key: string, value: string, mod: bigint, create = mod, version = 1n): KeySeen => {
  return { key, value, modRevision: mod, createRevision: create, version };
};
const put = (span: Span, key: string, value: string, revision: bigint, call?: number): Operation =>
  op(span, { type: "put", key, value }, { type: "written", revision }, call === undefined ? {} : { call });
const lostPut = (at: number, key: string, value: string, call?: number): Operation =>
  op([at, never], { type: "put", key, value }, unknown, call === undefined ? {} : { call });
const del = (span: Span, key: string, revision: bigint): Operation =>
  op(span, { type: "delete", key }, { type: "written", revision });
const get = (span: Span, what: KeySeen | string, at: bigint, how: ReadInput & { served?: Served } = {}) => {
  const key = typeof what === "string" ? what : what.key;
  const { served, ...read } = how;
  const output: Output = { type: "read", seen: typeof what === "string" ? undefined : what, at };
  return op(span, { type: "get", key, ...read }, output, served === undefined ? {} : { served });
};
const range = (
  span: Span,
  pairs: KeySeen[],
  at: bigint,
  how: ReadInput & { limit?: number } = {},
  more = false,
) => op(span, { type: "range", start: "a", end: "z", ...how }, { type: "ranged", pairs, more, at });
const deleteRange = (span: Span, keys: number, revision: bigint, previous?: KeySeen[]): Operation => {
  const output: Output = { type: "deleted-range", keys, revision, ...(previous && { previous }) };
  return op(span, { type: "delete-range", start: "a", end: "z" }, output);
};
const compact = (span: Span, revision: bigint, output: Output = { type: "compacted" }): Operation =>
  op(span, { type: "compact", revision }, output);
const by = (life: number, order: number): Served => ({ replica: 1, life, order });
const serializable = { consistency: "serializable" } as const;

const a2 = seen("a", "a1", 2n);
const b3 = seen("b", "b1", 3n);
const a4 = seen("a", "a2", 4n, 2n, 2n);
/** a at 2, b at 3, a again at 4. */
const three = [put([0, 1], "a", "a1", 2n), put([2, 3], "b", "b1", 3n), put([4, 5], "a", "a2", 4n)];

describe("right histories", () => {
  it.each<[string, Operation[]]>([
    [
      "reads of old revisions, by anybody",
      [...three, get([6, 7], a2, 4n, { revision: 3n }), get([6, 7], "b", 4n, { revision: 2n })],
    ],
    ["a serializable read of an old state", [...three, get([6, 7], a2, 3n, serializable)]],
    [
      "a replica that goes back with a new life",
      [
        ...three,
        get([6, 7], a4, 4n, { ...serializable, served: by(1, 1) }),
        get([8, 9], a2, 2n, { ...serializable, served: by(2, 2) }),
      ],
    ],
    [
      "a range, its part and its past",
      [
        ...three,
        range([6, 7], [a4, b3], 4n),
        range([6, 7], [a4], 4n, { limit: 1 }, true),
        range([6, 7], [a2, b3], 4n, { revision: 3n }),
      ],
    ],
    [
      "a delete of a range",
      [...three, deleteRange([6, 7], 2, 5n, [a4, b3]), range([8, 9], [], 5n), deleteRange([10, 11], 0, 5n)],
    ],
    [
      "a delete of a range without an answer",
      [
        ...three,
        op([6, never], { type: "delete-range", start: "a", end: "z" }, unknown),
        range([8, 9], [], 5n),
      ],
    ],
    ["a read beside a delete of a range", [...three, deleteRange([6, 9], 2, 5n), get([7, 8], a4, 4n)]],
    ["a batch", [put([0, 1], "a", "a1", 2n, 1), put([0, 1], "b", "b1", 3n, 1)]],
    [
      "a batch without an answer that was applied",
      [lostPut(0, "a", "a1", 1), lostPut(0, "b", "b1", 1), get([2, 3], b3, 3n)],
    ],
    [
      "a compaction, and what it refuses",
      [
        ...three,
        compact([6, 7], 3n),
        get([8, 9], a2, 4n, { revision: 3n }),
        op([8, 9], { type: "get", key: "a", revision: 2n }, { type: "too-old", oldest: 3n }),
        compact([8, 9], 3n, { type: "too-old", oldest: 3n }),
      ],
    ],
    [
      "an old read of a replica that has not heard of the compaction",
      [...three, compact([6, 7], 4n), get([8, 9], a2, 3n, { ...serializable, revision: 2n })],
    ],
    [
      "a read of a revision that is not there yet",
      [...three, op([6, 7], { type: "get", key: "a", revision: 9n }, { type: "too-new", newest: 4n })],
    ],
  ])("%s", (_, history) => {
    expect(checkHistory(history, { accountedThrough: 3n })).toEqual([]);
  });
});

describe("wrong histories name what is wrong", () => {
  it.each<[ProblemKind, string, Operation[]]>([
    [
      "wrong-state",
      "an old revision answered from the newest",
      [...three, get([6, 7], a4, 4n, { revision: 3n })],
    ],
    [
      "wrong-state",
      "two replicas that differ on an old revision",
      [...three, get([6, 7], "a", 4n, { revision: 3n })],
    ],
    [
      "wrong-state",
      "a lost write, seen by a serializable read",
      [...three, get([6, 7], a2, 4n, serializable)],
    ],
    [
      "wrong-state",
      "a deleted key that is still there",
      [...three, del([6, 7], "a", 5n), get([8, 9], a4, 5n, serializable)],
    ],
    ["wrong-state", "a range of two states", [...three, range([6, 7], [a2, b3], 4n)]],
    ["wrong-state", "a range that lacks a key", [...three, range([6, 7], [a4], 4n)]],
    [
      "wrong-state",
      "a delete of a range that left a key",
      [...three, deleteRange([6, 7], 2, 5n), get([8, 9], b3, 5n, serializable)],
    ],
    ["wrong-state", "a delete of a range that counts one too many", [...three, deleteRange([6, 7], 3, 5n)]],
    [
      "wrong-state",
      "a delete of a range that shows another past",
      [...three, deleteRange([6, 7], 2, 5n, [a2, b3])],
    ],
    ["wrong-state", "a delete of what is not there", [...three, del([6, 7], "c", 5n)]],
    [
      "wrong-state",
      "a version too high: applied twice",
      [...three, get([6, 7], seen("a", "a2", 4n, 2n, 3n), 4n, serializable)],
    ],
    [
      "wrong-state",
      "a creation of what was there",
      [...three, get([6, 7], seen("a", "a2", 4n), 4n, serializable)],
    ],
    [
      "wrong-state",
      "a creation that was not one",
      [...three, get([6, 7], seen("a", "a2", 4n, 3n, 2n), 4n, serializable)],
    ],
    ["wrong-state", "a mod revision after the state's own", [...three, get([6, 7], a4, 3n, serializable)]],
    ["malformed-range", "keys out of order", [...three, range([6, 7], [b3, a4], 4n)]],
    ["malformed-range", "more keys than the limit", [...three, range([6, 7], [a4, b3], 4n, { limit: 1 })]],
    [
      "malformed-range",
      "more to come, but there is nothing",
      [...three, range([6, 7], [a4, b3], 4n, { limit: 2 }, true)],
    ],
    ["stale-read", "a linearizable read of an old state", [...three, get([6, 7], b3, 3n)]],
    ["stale-read", "a linearizable range of an old state", [...three, range([6, 7], [a2, b3], 3n)]],
    [
      "stale-read",
      "a linearizable read of an old revision by a replica that lags",
      [...three, get([6, 7], a2, 3n, { revision: 2n })],
    ],
    [
      "stale-read",
      "a revision refused that is known",
      [...three, op([6, 7], { type: "get", key: "a", revision: 4n }, { type: "too-new", newest: 3n })],
    ],
    [
      "serializable-goes-back",
      "a replica that shows less than before",
      [
        ...three,
        get([6, 7], a4, 4n, { ...serializable, served: by(1, 1) }),
        get([6, 7], a2, 3n, { ...serializable, served: by(1, 2) }),
      ],
    ],
    [
      "at-least-revision",
      "a replica that does not wait",
      [...three, get([6, 7], a2, 2n, { ...serializable, minRevision: 4n })],
    ],
    [
      "revision-reuse",
      "an uncommitted write that another took the place of",
      [...three, lostPut(4, "b", "b2"), get([6, 7], seen("b", "b2", 4n, 3n, 2n), 4n, serializable)],
    ],
    [
      "revision-order",
      "a write that begins later and has a lower revision",
      [put([0, 1], "a", "a1", 3n), put([2, 3], "b", "b1", 2n)],
    ],
    [
      "revision-order",
      "a write below what a read has shown",
      [...three, get([6, 7], a4, 6n, serializable), put([8, 9], "b", "b2", 5n)],
    ],
    [
      "applied-twice",
      "one put with two revisions",
      [lostPut(0, "a", "a1"), get([1, 2], a2, 2n), get([3, 4], seen("a", "a1", 3n, 2n, 2n), 3n)],
    ],
    [
      "unaccounted-revision",
      "a change that nobody made",
      [put([0, 1], "a", "a1", 2n), put([2, 3], "b", "b1", 4n)],
    ],
    [
      "unaccounted-revision",
      "an unknown put that can't have been it, since it began later",
      [put([0, 1], "a", "a1", 2n), put([2, 3], "b", "b1", 4n), lostPut(4, "a", "a2")],
    ],
    [
      "refused-but-seen",
      "a put refused and read",
      [
        op([0, 1], { type: "put", key: "a", value: "a1" }, { type: "not-applied", reason: "no-leader" }),
        get([2, 3], a2, 2n),
      ],
    ],
    ["unwritten-value", "a value of nobody", [get([0, 1], a2, 2n)]],
    ["unwritten-value", "a value of the future", [get([0, 1], a2, 2n), put([2, 3], "a", "a1", 2n)]],
    [
      "unwritten-value",
      "a value under another key",
      [put([0, 1], "a", "a1", 2n), get([2, 3], seen("b", "a1", 2n), 2n)],
    ],
    [
      "wrong-compare",
      "a lost update: both compares passed",
      [
        ...three,
        op([6, 7], { type: "put", key: "a", value: "x", expected: 4n }, { type: "written", revision: 5n }),
        op([6, 7], { type: "put", key: "a", value: "y", expected: 4n }, { type: "written", revision: 6n }),
      ],
    ],
    [
      "wrong-compare",
      "a compare with a state of before",
      [
        ...three,
        op([6, 7], { type: "put", key: "a", value: "x", expected: 9n }, { type: "mismatch", actual: 2n }),
      ],
    ],
    [
      "wrong-compare",
      "a compare that failed though equal",
      [
        ...three,
        op([6, 7], { type: "put", key: "a", value: "x", expected: 4n }, { type: "mismatch", actual: 4n }),
      ],
    ],
    [
      "torn-batch",
      "another's change within a batch",
      [put([0, 9], "a", "a1", 2n, 1), put([0, 9], "b", "b1", 4n, 1), put([0, 9], "a", "a2", 3n)],
    ],
    [
      "torn-batch",
      "a batch in another order",
      [put([0, 9], "a", "a1", 3n, 1), put([0, 9], "b", "b1", 2n, 1)],
    ],
    [
      "torn-batch",
      "half of a batch",
      [lostPut(0, "a", "a1", 1), lostPut(0, "b", "b1", 1), get([1, 2], a2, 2n), put([3, 4], "a", "a2", 3n)],
    ],
    [
      "compaction",
      "a linearizable read below a compaction",
      [...three, compact([6, 7], 3n), get([8, 9], a2, 4n, { revision: 2n })],
    ],
    ["compaction", "a compaction that goes back", [...three, compact([6, 7], 3n), compact([8, 9], 2n)]],
    [
      "compaction",
      "a refusal though nobody compacted",
      [...three, op([6, 7], { type: "get", key: "a", revision: 2n }, { type: "too-old", oldest: 3n })],
    ],
    [
      "compaction",
      "a refusal of what is kept",
      [
        ...three,
        compact([6, 7], 3n),
        op([8, 9], { type: "get", key: "a", revision: 3n }, { type: "too-old", oldest: 3n }),
      ],
    ],
    [
      "not-linearizable",
      "an old value after the new one, by ranges",
      [
        put([0, 1], "a", "a1", 2n),
        put([2, 20], "a", "a2", 3n),
        range([3, 4], [seen("a", "a2", 3n, 2n, 2n)], 3n),
        range([5, 6], [a2], 2n),
      ],
    ],
  ])("%s: %s", (kind, _, history) => {
    const problems = checkHistory(history, { accountedThrough: 4n });
    expect(problems.map((problem) => problem.kind)).toContain(kind);
  });

  it("undecided, with the name of the key", () => {
    const history = Array.from({ length: 14 }, (_, at) =>
      op([at, never], { type: "put", key: "a", value: `v${at}`, expected: BigInt(at) }, unknown),
    );
    history.push(...Array.from({ length: 14 }, (_, at) => lostPut(at, "a", `w${at}`)));
    history.push(get([100, 101], seen("a", "v3", 50n, 1n, 99n), 50n));
    const problem = checkHistory(history, { maxSteps: 100 }).find(({ kind }) => kind === "undecided");
    expect(problem?.message).toContain("a: no verdict after");
  });
});
