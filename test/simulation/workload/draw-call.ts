import type { ReadInput } from "../../history/operation.ts";
import type { OperationMix } from "../plan/types.ts";
import type { Random } from "../world/random.ts";
import type { Call, ReadCallInput, WriteCall, WriteInput } from "./call.ts";
import type { Knowledge } from "./knowledge.ts";
import type { ValueBook } from "./value-book.ts";

export const keyPrefix = "k/";
/** The first key after all that begin with the prefix. */
export const keyPrefixEnd = "k0";

export interface DrawContext {
  readonly random: Random;
  readonly mix: OperationMix;
  readonly keys: readonly string[];
  readonly client: number;
  /** What this client has seen, and what all of them together have. */
  readonly own: Knowledge;
  readonly shared: Knowledge;
  readonly values: ValueBook;
}

export type Draw = Call | { readonly type: "transfer" } | { readonly type: "change-membership" };

const BATCH_CHANCE = 0.12;
const batchMaxOperations = 5;
/** How many writes are asked not to be passed on by a follower. */
const NO_FORWARD_CHANCE = 0.2;
const PREVIOUS_CHANCE = 0.25;
/** How many compares are wrong on purpose. */
const WRONG_COMPARE_CHANCE = 0.15;
const LIMIT_CHANCE = 0.3;

export function keysFor(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${keyPrefix}${String(at).padStart(3, "0")}`);
}

export function drawCall(context: DrawContext): Draw {
  const { random, mix } = context;
  const kind = drawKind(random, mix);
  switch (kind) {
    case "transfer":
      return { type: "transfer" };
    case "changeMembership":
      return { type: "change-membership" };
    case "get":
      return readOf({ type: "get", key: drawKey(context) });
    case "getSerializable":
      return readOf({ type: "get", key: drawKey(context), consistency: "serializable" });
    case "getAtLeast":
      return readOf({ type: "get", key: drawKey(context), ...drawAtLeast(context) });
    case "getAtRevision":
      return readOf({ type: "get", key: drawKey(context), ...drawAtRevision(context) });
    case "range":
      return readOf(drawRange(context));
    case "put":
    case "compareAndSet":
    case "delete":
      return random.chance(BATCH_CHANCE) ? drawBatch(context, kind) : drawWrite(context, kind);
    case "deleteRange":
    case "compact":
      return drawWrite(context, kind);
  }
}

type Kind = keyof OperationMix;

/** The mix of a run, made ready for the many draws from it. */
const prepared = new WeakMap<OperationMix, readonly (readonly [Kind, upTo: number])[]>();

function drawKind(random: Random, mix: OperationMix): Kind {
  let kinds = prepared.get(mix);
  if (kinds === undefined) {
    let upTo = 0;
    kinds = (Object.keys(mix) as Kind[])
      .filter((kind) => mix[kind] > 0)
      .map((kind) => {
        upTo += mix[kind];
        return [kind, upTo] as const;
      });
    prepared.set(mix, kinds);
  }
  const last = kinds.at(-1)!;
  const at = random.fraction() * last[1];
  return (kinds.find(([, upTo]) => at < upTo) ?? last)[0];
}

type WriteKind = "put" | "compareAndSet" | "delete" | "deleteRange" | "compact";

function drawWrite(context: DrawContext, kind: WriteKind): WriteCall {
  return writeOf(context, [drawInput(context, kind)]);
}

function drawBatch(context: DrawContext, first: WriteKind): WriteCall {
  const { random } = context;
  const kinds: WriteKind[] = [first];
  const size = random.between(2, batchMaxOperations);
  while (kinds.length < size)
    kinds.push(random.pick(["put", "put", "compareAndSet", "delete", "deleteRange"]));
  return writeOf(
    context,
    kinds.map((kind) => drawInput(context, kind)),
  );
}

function writeOf({ random }: DrawContext, inputs: readonly WriteInput[]): WriteCall {
  return {
    type: "write",
    inputs,
    forward: !random.chance(NO_FORWARD_CHANCE),
    previous: random.chance(PREVIOUS_CHANCE),
  };
}

function readOf(input: ReadCallInput): Call {
  return { type: "read", input };
}

function drawInput(context: DrawContext, kind: WriteKind): WriteInput {
  const { random, values, client } = context;
  switch (kind) {
    case "put":
      return { type: "put", key: drawKey(context), value: values.create(client) };
    case "compareAndSet": {
      const key = drawKey(context);
      const expected = drawExpected(context, key);
      return random.chance(0.8)
        ? { type: "put", key, value: values.create(client), expected }
        : { type: "delete", key, expected };
    }
    case "delete":
      return { type: "delete", key: drawKey(context) };
    case "deleteRange":
      return { type: "delete-range", ...drawSpan(context, 0.15) };
    case "compact":
      return { type: "compact", revision: drawCompaction(context) };
  }
}

function drawKey({ random, keys }: DrawContext): string {
  return random.chance(0.2) ? keys[0]! : random.pick(keys);
}

function drawExpected({ random, own, shared }: DrawContext, key: string): bigint {
  const known = own.modRevision(key) ?? shared.modRevision(key) ?? 0n;
  if (!random.chance(WRONG_COMPARE_CHANCE)) return known;
  return random.pick([0n, known + 1n, shared.newest, known > 0n ? known - 1n : 1n]);
}

function drawSpan({ random, keys }: DrawContext, wholeChance: number): { start: string; end: string } {
  if (random.chance(wholeChance)) return { start: keyPrefix, end: keyPrefixEnd };
  const from = random.between(0, keys.length - 1);
  const to = Math.min(keys.length, from + random.between(1, 3));
  return { start: keys[from]!, end: keys[to] ?? keyPrefixEnd };
}

function drawRange(context: DrawContext): ReadCallInput {
  const { random, keys } = context;
  const limit = random.chance(LIMIT_CHANCE) ? { limit: random.between(1, keys.length) } : {};
  const how = random.fraction();
  const read: ReadInput =
    how < 0.5
      ? {}
      : how < 0.7
        ? { consistency: "serializable" }
        : how < 0.9
          ? drawAtRevision(context)
          : drawAtLeast(context);
  return { type: "range", ...drawSpan(context, 0.6), ...limit, ...read };
}

/** Mostly what somebody was told, at times what is not there yet. */
function drawAtLeast({ random, own, shared }: DrawContext): ReadInput {
  const known = random.chance(0.6) ? shared.newest : own.newest;
  const minRevision = random.chance(0.05) ? known + BigInt(random.between(1, 5)) : known;
  return random.chance(0.85) ? { consistency: "serializable", minRevision } : { minRevision };
}

/** Mostly a revision that is kept; at times one that is compacted, or not there yet. */
function drawAtRevision({ random, shared }: DrawContext): ReadInput {
  const span = Number(shared.newest - shared.oldest);
  const back = random.chance(0.5) ? random.between(0, Math.min(span, 20)) : random.between(0, span);
  const off = random.fraction();
  const revision =
    off < 0.08
      ? shared.oldest - BigInt(random.between(0, 3))
      : off < 0.12
        ? shared.newest + BigInt(random.between(1, 3))
        : shared.newest - BigInt(back);
  const consistency = random.chance(0.4) ? { consistency: "serializable" as const } : {};
  return { revision: revision < 1n ? 1n : revision, ...consistency };
}

/** A history of few revisions stays, so that reads of old ones meet its end. */
function drawCompaction({ random, shared }: DrawContext): bigint {
  const off = random.fraction();
  if (off < 0.05) return shared.newest + 2n;
  if (off < 0.1) return shared.oldest > 1n ? shared.oldest : 1n;
  const kept = BigInt(random.pick([0, 1, 5, 20]));
  const revision = shared.newest - kept;
  return revision < 1n ? 1n : revision;
}
