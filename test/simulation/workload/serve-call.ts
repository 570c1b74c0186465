import type { WriteOperation, WriteResult } from "@rstore/replica/apply/operation";
import type { KeyValue } from "@rstore/replica/mvcc/types";
import {
  type ReadOptions,
  type ReplicaApi,
  ReplicaError,
  type WriteOutcome,
} from "@rstore/replica/runtime/replica-api";
import type { KeySeen, Output } from "../../history/operation.ts";
import type { Life, Slot } from "../cluster/types.ts";
import type { Call, ReadCall, WriteCall, WriteInput } from "./call.ts";
import type { ValueBook } from "./value-book.ts";

/** What a replica answers to a call, with what the header of every answer says. */
export interface Answer {
  /** One for each operation of the call. */
  readonly results: readonly (Output | ReplicaError)[];
  readonly memberId: bigint;
  readonly leaderClientUrl: string;
  readonly term: bigint;
  readonly isLeader: boolean;
  readonly life: Life;
  /** When it looked at its state, among all looks at any replica's. */
  readonly order: number;
}

/** Beyond the call itself. */
export interface ServeContext {
  readonly values: ValueBook;
  readonly timeoutMs: number;
  /** The next order. */
  readonly look: () => number;
}

/** In the process of a slot: what the RPC layer does with a request. Rejects with a ReplicaError. */
export async function serveCall(slot: Slot, call: Call, context: ServeContext): Promise<Answer> {
  const { replica, clock, life } = slot;
  if (replica === undefined || clock === undefined || life === undefined) {
    throw new ReplicaError("not-ready", "the process is starting", { outcome: "not-applied" });
  }
  const { values, look } = context;
  const deadlineMs = clock.nowMs() + context.timeoutMs;
  let order = 0;
  let results: readonly (Output | ReplicaError)[];
  if (call.type === "write") {
    results = await serveWrite(replica, call, values, deadlineMs);
  } else {
    await replica.awaitReadable(readOptions(call, deadlineMs));
    order = look();
    results = [await serveRead(replica, call, values, deadlineMs)];
  }
  const { memberId, leaderId, leaderClientUrl, term } = replica.answerState();
  return { results, memberId, leaderClientUrl, term, isLeader: leaderId === memberId, life, order };
}

async function serveWrite(
  replica: ReplicaApi,
  { inputs, forward, previous }: WriteCall,
  values: ValueBook,
  deadlineMs: number,
): Promise<(Output | ReplicaError)[]> {
  const operations = inputs.map((input) => writeOperation(input, values, previous));
  const outcomes = await replica.write(operations, { deadlineMs, forward });
  return inputs.map((input, at) => outputOf(input, outcomes[at], values, previous));
}

function writeOperation(input: WriteInput, values: ValueBook, previous: boolean): WriteOperation {
  switch (input.type) {
    case "put":
      return {
        type: "put",
        key: bytesOf(input.key),
        value: values.bytesOf(input.value),
        lease: 0n,
        previous,
        expectedModRevision: input.expected,
      };
    case "delete":
      return {
        type: "delete",
        start: bytesOf(input.key),
        end: undefined,
        previous,
        expectedModRevision: input.expected,
      };
    case "delete-range":
      return {
        type: "delete",
        start: bytesOf(input.start),
        end: bytesOf(input.end),
        previous,
        expectedModRevision: undefined,
      };
    case "compact":
      return { type: "compact", revision: input.revision };
  }
}

function outputOf(
  input: WriteInput,
  outcome: WriteOutcome | undefined,
  values: ValueBook,
  previous: boolean,
): Output | ReplicaError {
  if (outcome === undefined) throw new Error("a write has no outcome");
  if (outcome.type === "failed") return outcome.error;
  if (outcome.type === "refused") return refusalOf(outcome.refusal);
  if ((outcome.type === "delete") !== input.type.startsWith("delete")) {
    throw new Error(`a ${input.type} was answered as a ${outcome.type}`);
  }
  if (outcome.type === "compact") return { type: "compacted" };
  const { revision } = outcome;
  const before = [outcome.previous ?? []].flat().map((keyValue) => seenOf(keyValue, values));
  const shown = previous ? { previous: before } : {};
  if (outcome.type === "put") return { type: "written", revision, ...shown };
  if (input.type === "delete-range")
    return { type: "deleted-range", revision, keys: outcome.deleted, ...shown };
  return outcome.deleted === 0 ? { type: "absent", at: revision } : { type: "written", revision, ...shown };
}

function refusalOf(refusal: Extract<WriteResult, { type: "refused" }>["refusal"]): Output {
  switch (refusal.reason) {
    case "compare-failed":
      return { type: "mismatch", actual: refusal.modRevision };
    case "compacted":
      return { type: "too-old", oldest: refusal.compactedRevision };
    case "future":
      return { type: "too-new", newest: refusal.revision };
    case "too-many-keys":
      return { type: "not-applied", reason: refusal.reason };
  }
}

async function serveRead(
  replica: ReplicaApi,
  { input }: ReadCall,
  values: ValueBook,
  deadlineMs: number,
): Promise<Output | ReplicaError> {
  try {
    const now = replica.answerState().revision;
    if (input.type === "get") {
      const keyValue = replica.get(bytesOf(input.key), input.revision);
      const seen = keyValue && seenOf(keyValue, values);
      return { type: "read", seen, at: now };
    }
    const { keyValues, more, revision } = await replica.range(
      {
        start: bytesOf(input.start),
        end: bytesOf(input.end),
        revision: input.revision,
        limit: input.limit ?? 0,
        reverse: false,
        keysOnly: false,
        countOnly: false,
      },
      { deadlineMs },
    );
    const pairs = keyValues.map((keyValue) => seenOf(keyValue, values));
    // Of an old revision, the answer says that one; its header, the store's.
    return { type: "ranged", pairs, more, at: input.revision === undefined ? revision : now };
  } catch (error) {
    if (!(error instanceof ReplicaError)) throw error;
    const { revision } = error.detail;
    if (revision !== undefined && error.reason === "compacted") return { type: "too-old", oldest: revision };
    if (revision !== undefined && error.reason === "future-revision")
      return { type: "too-new", newest: revision };
    return error;
  }
}

function readOptions({ input }: ReadCall, deadlineMs: number): ReadOptions {
  return {
    consistency: input.consistency ?? "linearizable",
    minRevision: input.minRevision ?? 0n,
    deadlineMs,
  };
}

export function seenOf(keyValue: KeyValue, values: ValueBook): KeySeen {
  const { key, value, modRevision, createRevision, version } = keyValue;
  const name = Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1");
  return { key: name, value: values.nameOf(value), modRevision, createRevision, version };
}

/** Keys are ASCII. A new array each time: it is the replica's. */
function bytesOf(key: string): Uint8Array {
  const bytes = new Uint8Array(key.length);
  for (let at = 0; at < key.length; at += 1) bytes[at] = key.charCodeAt(at);
  return bytes;
}
