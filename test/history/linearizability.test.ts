import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkHistory } from "./check-history.ts";
import { type KeyOperation, keyHistories } from "./key-histories.ts";
import { type KeyState, kvModel } from "./kv-model.ts";
import { checkLinearizable, type Model, type Timed } from "./linearizability.ts";
import type { Input, KeyInput, Operation, Output, Seen } from "./operation.ts";
import { randomFrom } from "./random.ts";
import { settleObserved } from "./settle-observed.ts";

const never = Number.POSITIVE_INFINITY;

function op(span: readonly [number, number], input: Input, output: Output): Operation {
  return { client: 0, input, output, invoked: span[0], returned: span[1] };
}

const put = (span: [number, number], value: string, revision: bigint, expected?: bigint): Operation =>
  op(
    span,
    { type: "put", key: "k", value, ...(expected !== undefined && { expected }) },
    { type: "written", revision },
  );

const failedPut = (span: [number, number], value: string, output: Output, expected?: bigint): Operation =>
  op(span, { type: "put", key: "k", value, ...(expected !== undefined && { expected }) }, output);

const unknown: Output = { type: "unknown", reason: "deadline-exceeded" };
const notApplied: Output = { type: "not-applied", reason: "no-leader" };

const seen = (value: string, modRevision: bigint, createRevision = modRevision, version = 1n): Seen => ({
  value,
  modRevision,
  createRevision,
  version,
});

const get = (span: [number, number], what: Seen | undefined): Operation =>
  op(span, { type: "get", key: "k" }, { type: "read", seen: what });

const del = (span: [number, number], revision: bigint): Operation =>
  op(span, { type: "delete", key: "k" }, { type: "written", revision });

const kinds = (history: Operation[]) => checkHistory(history).map(({ kind }) => kind);

describe("histories that are right", () => {
  it.each<[string, Operation[]]>([
    ["nothing", []],
    ["reads of a key that does not exist", [get([0, 1], undefined), get([1, 2], undefined)]],
    [
      "one after another",
      [put([0, 1], "a", 2n), get([2, 3], seen("a", 2n)), del([4, 5], 3n), get([6, 7], undefined)],
    ],
    [
      "a read beside a put sees either value",
      [
        put([0, 1], "a", 2n),
        put([2, 9], "b", 3n),
        get([3, 4], seen("a", 2n)),
        get([5, 6], seen("b", 3n, 2n, 2n)),
      ],
    ],
    [
      "a write of unknown outcome that was applied later",
      [
        put([0, 1], "a", 2n),
        failedPut([2, never], "b", unknown),
        get([3, 4], seen("a", 2n)),
        get([5, 6], seen("b", 7n, 2n, 2n)),
      ],
    ],
    [
      "a write of unknown outcome that was never applied",
      [put([0, 1], "a", 2n), failedPut([2, never], "b", unknown), get([3, 4], seen("a", 2n))],
    ],
    [
      "a compare-and-set that was refused, with the revision it met",
      [
        put([0, 1], "a", 2n),
        failedPut([2, 3], "b", { type: "mismatch", actual: 2n }, 9n),
        put([4, 5], "c", 3n, 2n),
      ],
    ],
    [
      "a compare-and-set of unknown outcome is applied once, and its own retry by hand mismatches",
      [
        put([0, 1], "a", 2n),
        failedPut([2, never], "b", unknown, 2n),
        failedPut([3, 4], "c", { type: "mismatch", actual: 3n }, 2n),
        get([5, 6], seen("b", 3n, 2n, 2n)),
      ],
    ],
    [
      "a key that was deleted begins anew",
      [put([0, 1], "a", 2n), del([2, 3], 3n), put([4, 5], "b", 4n, 0n), get([6, 7], seen("b", 4n))],
    ],
    ["a refused write that is seen nowhere", [failedPut([0, 1], "a", notApplied), get([2, 3], undefined)]],
  ])("%s", (_, history) => {
    expect(checkHistory(history)).toEqual([]);
  });
});

describe("histories that are wrong", () => {
  it.each<[string, Operation[]]>([
    ["a stale read", [put([0, 1], "a", 2n), put([2, 3], "b", 3n), get([4, 5], seen("a", 2n))]],
    ["a lost write", [put([0, 1], "a", 2n), get([2, 3], undefined)]],
    [
      "a write that was lost after it was seen",
      [
        put([0, 1], "a", 2n),
        put([2, 9], "b", 3n),
        get([3, 4], seen("b", 3n, 2n, 2n)),
        get([5, 6], seen("a", 2n)),
      ],
    ],
    [
      "a write that was applied twice",
      [put([0, 1], "a", 2n), put([2, 3], "b", 3n), get([4, 5], seen("b", 4n, 2n, 3n))],
    ],
    [
      "a write of unknown outcome that was applied twice",
      [
        failedPut([0, never], "a", unknown),
        get([1, 2], seen("a", 2n)),
        put([3, 4], "b", 3n),
        get([5, 6], seen("a", 4n, 2n, 3n)),
      ],
    ],
    ["a value from nowhere", [get([0, 1], seen("a", 2n))]],
    [
      "a delete that brought nothing away",
      [put([0, 1], "a", 2n), del([2, 3], 3n), get([4, 5], seen("a", 2n))],
    ],
    [
      "a compare-and-set that passed against another revision",
      [put([0, 1], "a", 2n), put([2, 3], "b", 3n), put([4, 5], "c", 4n, 2n)],
    ],
    [
      "a compare-and-set that was refused although it matched",
      [put([0, 1], "a", 2n), failedPut([2, 3], "b", { type: "mismatch", actual: 3n }, 2n)],
    ],
    [
      "two compare-and-sets that passed on the same revision",
      [put([0, 1], "a", 2n), put([2, 9], "b", 3n, 2n), put([3, 8], "c", 4n, 2n)],
    ],
    [
      "reads that disagree on the order",
      [
        put([0, 10], "a", 2n),
        put([0, 10], "b", 3n),
        get([1, 2], seen("b", 3n, 2n, 2n)),
        get([3, 4], seen("a", 2n)),
      ],
    ],
    [
      "a creation revision that is not that of the creation",
      [put([0, 1], "a", 2n), get([2, 3], seen("a", 2n, 1n))],
    ],
  ])("%s", (_, history) => {
    expect(kinds(history)).toContain("not-linearizable");
  });

  it("a write that was refused as not applied and is read", () => {
    const history = [failedPut([0, 1], "a", notApplied), get([2, 3], seen("a", 2n))];
    expect(kinds(history)).toContain("refused-but-seen");
  });

  it("a compare-and-set that was refused and is read", () => {
    const history = [
      put([0, 1], "a", 2n),
      failedPut([2, 3], "b", { type: "mismatch", actual: 2n }, 9n),
      get([4, 5], seen("b", 3n, 2n, 2n)),
    ];
    expect(kinds(history)).toContain("refused-but-seen");
  });

  it("revisions that go back between keys", () => {
    const other = op([2, 3], { type: "put", key: "other", value: "b" }, { type: "written", revision: 2n });
    expect(kinds([put([0, 1], "a", 3n), other])).toContain("revision-order");
  });

  it("a revision that two changes share", () => {
    const other = op([0, 1], { type: "put", key: "other", value: "b" }, { type: "written", revision: 3n });
    expect(kinds([put([0, 1], "a", 3n), other])).toContain("revision-reuse");
  });

  it("is shown with what was placed and what could not follow", () => {
    const [problem] = checkHistory([put([0, 1], "a", 2n), get([2, 3], undefined)]);
    expect(problem!.message).toContain("put k a -> revision 2");
    expect(problem!.message).toContain("get k -> no key");
  });
});

describe("the search", () => {
  it("gives up after the steps it is allowed, instead of taking for ever", () => {
    const history = Array.from({ length: 12 }, (_, at) =>
      failedPut([at, never], `v${at}`, unknown, BigInt(at)),
    );
    history.push(...Array.from({ length: 12 }, (_, at) => failedPut([at, never], `w${at}`, unknown)));
    history.push(get([100, 101], seen("v3", 50n, 1n, 99n)));
    expect(checkLinearizable(kvModel, ofKey(history), { maxSteps: 100 }).type).toBe("undecided");
  });

  it("decides a history of many clients with unknown outcomes in few steps", () => {
    for (let seed = 1; seed <= 5; seed++) {
      const { history } = simulate({ seed, clients: 8, operations: 300, unknownShare: 0.2 });
      expect(checkHistory(history, { maxSteps: 50_000 })).toEqual([]);
    }
  });

  it("agrees with brute force on small random histories", () => {
    fc.assert(
      fc.property(fc.integer(), fc.boolean(), (seed, broken) => {
        const { history } = simulate({ seed, clients: 3, operations: 6, unknownShare: 0.3 });
        const checked = broken ? damage(history, seed) : history;
        const verdict = checkLinearizable(kvModel, ofKey(settleObserved(checked))).type === "linearizable";
        expect(verdict).toBe(bruteForce(kvModel, ofKey(checked)));
        if (!broken) expect(verdict).toBe(true);
      }),
      { numRuns: 400 },
    );
  });
});

function ofKey(history: readonly Operation[]): KeyOperation[] {
  return keyHistories(history).get("k") ?? [];
}

/** Some linearization exists: tries every order that time allows. */
function bruteForce<State, Op extends Timed>(model: Model<State, Op>, history: readonly Op[]): boolean {
  const extend = (state: State, left: readonly Op[]): boolean => {
    if (left.every(({ returned }) => returned === never)) return true;
    const earliestReturn = Math.min(...left.map(({ returned }) => returned));
    return left.some((operation) => {
      if (operation.invoked > earliestReturn) return false;
      const next = model.step(state, operation);
      return (
        next !== undefined &&
        extend(
          next,
          left.filter((other) => other !== operation),
        )
      );
    });
  };
  return extend(model.initial, history);
}

interface Simulation {
  readonly seed: number;
  readonly clients: number;
  readonly operations: number;
  readonly unknownShare: number;
}

/** Clients of a correct register: each operation takes effect somewhere between its two ends. */
function simulate({ seed, clients, operations, unknownShare }: Simulation): { history: Operation[] } {
  const random = randomFrom(seed);
  const register = { state: kvModel.initial, revision: 1n };
  const history: Operation[] = [];
  const pending: { client: number; input: KeyInput; invoked: number; output?: Output }[] = [];
  let time = 0;
  let started = 0;
  while (started < operations || pending.length > 0) {
    time++;
    const at = Math.floor(random() * clients);
    const current = pending.find(({ client }) => client === at);
    if (current === undefined) {
      if (started === operations) continue;
      pending.push({ client: at, input: randomInput(random, started++, register), invoked: time });
    } else if (current.output === undefined) {
      const dropped = current.input.type !== "get" && random() < unknownShare / 2;
      current.output = dropped ? unknown : applyTo(register, current.input);
    } else {
      pending.splice(pending.indexOf(current), 1);
      const { input, invoked } = current;
      const lost = current.output === unknown || (input.type !== "get" && random() < unknownShare);
      history.push({
        client: at,
        input,
        output: lost ? unknown : current.output,
        invoked,
        returned: lost ? never : time,
      });
    }
  }
  return { history };
}

interface Register {
  state: KeyState;
  revision: bigint;
}

function randomInput(random: () => number, serial: number, { state, revision }: Register): KeyInput {
  const guess = random() < 0.5 ? state.modRevision : revision;
  const expected = random() < 0.3 && guess !== undefined ? { expected: guess } : {};
  const choice = random();
  if (choice < 0.4) return { type: "get", key: "k" };
  if (choice < 0.9) return { type: "put", key: "k", value: `v${serial}`, ...expected };
  return { type: "delete", key: "k" };
}

/** What a right store answers, without the model's help. */
function applyTo(register: Register, input: KeyInput): Output {
  const { state } = register;
  if (input.type === "get") {
    const { value, modRevision, createRevision, version } = state;
    if (value === undefined) return { type: "read", seen: undefined };
    return {
      type: "read",
      seen: { value, modRevision: modRevision!, createRevision: createRevision!, version },
    };
  }
  const actual = state.value === undefined ? 0n : state.modRevision!;
  if (input.expected !== undefined && input.expected !== actual) return { type: "mismatch", actual };
  if (input.type === "delete" && state.value === undefined) return { type: "absent" };
  const revision = ++register.revision;
  const isNew = state.value === undefined;
  register.state =
    input.type === "delete"
      ? { ...kvModel.initial, floor: revision }
      : {
          value: input.value,
          modRevision: revision,
          createRevision: isNew ? revision : state.createRevision,
          version: isNew ? 1n : state.version + 1n,
          floor: revision,
          pending: 0,
        };
  return { type: "written", revision };
}

/** Changes one answer, perhaps in a way that another order explains. */
function damage(history: readonly Operation[], seed: number): Operation[] {
  const random = randomFrom(seed + 1);
  const reads = history.filter(({ output }) => output.type === "read");
  const [a, b] = [reads[Math.floor(random() * reads.length)], reads[Math.floor(random() * reads.length)]];
  if (a === undefined || b === undefined) return [...history];
  return history.map((operation) => (operation === a ? { ...operation, output: b.output } : operation));
}
