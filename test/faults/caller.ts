import { ConnectError } from "@connectrpc/connect";
import { type Client, type KeyValue, RstoreError } from "@rstore/client";
import {
  ErrorDetailSchema,
  Outcome,
  Reason,
  type KeyValue as WireKeyValue,
} from "@rstore/proto/rstore/v1/kv";
import { kvAt } from "../cluster/services.ts";
import type { KeyInput, Output } from "../history/operation.ts";

/** Does one operation and says how it ended; never throws. */
export type Caller = (input: KeyInput) => Promise<Output>;

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytes = (value: string): Uint8Array => new TextEncoder().encode(value);

function readOutput(keyValue: KeyValue | WireKeyValue | undefined): Output {
  if (keyValue === undefined) return { type: "read", seen: undefined };
  const { value, modRevision, createRevision, version } = keyValue;
  return { type: "read", seen: { value: text(value), modRevision, createRevision, version } };
}

function deleteOutput(deleted: bigint, revision: bigint): Output {
  return deleted === 0n ? { type: "absent" } : { type: "written", revision };
}

/** Through the client library, which finds the leader and retries what is safe. */
export function callThroughClient(client: Client, timeoutMs: number): Caller {
  const perform = async (input: KeyInput): Promise<Output> => {
    if (input.type === "get") return readOutput((await client.get(input.key, { timeoutMs })).keyValue);
    const options = {
      timeoutMs,
      ...(input.expected !== undefined && { expectedModRevision: input.expected }),
    };
    if (input.type === "put") {
      const { revision } = await client.put(input.key, input.value, options);
      return { type: "written", revision };
    }
    const { deleted, revision } = await client.delete(input.key, options);
    return deleteOutput(deleted, revision);
  };
  return async (input) => {
    try {
      return await perform(input);
    } catch (error) {
      if (!(error instanceof RstoreError)) throw error;
      if (error.reason === "compare-failed") return { type: "mismatch", actual: error.facts.revision ?? 0n };
      return failure(input, error.outcome === "not-applied", `${error.reason}: ${error.message}`);
    }
  };
}

/** Straight to one replica, which forwards writes and reads by read index; `pick` says to which. */
export function callReplica(pick: () => string, timeoutMs: number): Caller {
  const options = { timeoutMs };
  const perform = async (input: KeyInput): Promise<Output> => {
    const kv = kvAt(pick());
    const key = bytes(input.key);
    if (input.type === "get") return readOutput((await kv.get({ key }, options)).keyValue);
    const expected = input.expected === undefined ? {} : { expectedModRevision: input.expected };
    if (input.type === "put") {
      const { revision } = await kv.put({ key, value: bytes(input.value), ...expected }, options);
      return { type: "written", revision };
    }
    const { deleted, revision } = await kv.delete({ key, ...expected }, options);
    return deleteOutput(deleted, revision);
  };
  return async (input) => {
    try {
      return await perform(input);
    } catch (error) {
      const refused = ConnectError.from(error);
      const detail = refused.findDetails(ErrorDetailSchema)[0];
      if (detail?.reason === Reason.COMPARE_FAILED) return { type: "mismatch", actual: detail.revision };
      return failure(
        input,
        detail?.outcome === Outcome.NOT_APPLIED || wasNeverSent(refused),
        refused.message,
      );
    }
  };
}

/** Nobody listened: each call here has a connection of its own. */
function wasNeverSent({ cause }: ConnectError): boolean {
  return (cause as NodeJS.ErrnoException | undefined)?.code === "ECONNREFUSED";
}

/** A read without an answer has no effect either way. */
function failure(input: KeyInput, certain: boolean, reason: string): Output {
  return { type: certain || input.type === "get" ? "not-applied" : "unknown", reason };
}
