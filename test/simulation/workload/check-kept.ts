import type { KeyValue } from "@rstore/replica/mvcc/types";
import { describeOperation } from "../../history/describe-operation.ts";
import { keysBetween, keysOf } from "../../history/key-histories.ts";
import type { Operation } from "../../history/operation.ts";

interface Store {
  readonly revision: bigint;
}

/**
 * Every acknowledged write is in the store, or one after it is: what was put last is there with its revision
 * or a later one, unless something may have deleted it since. Says what is lost; undefined: nothing.
 */
export function checkKept(
  operations: readonly Operation[],
  last: ReadonlyMap<string, Operation>,
  keyValues: readonly KeyValue[],
  { revision }: Store,
): string | undefined {
  const found = new Map(
    keyValues.map(({ key, modRevision }) => [Buffer.from(key).toString("latin1"), modRevision]),
  );
  for (const [key, write] of last) {
    const written = revisionOf(write);
    if (written > revision) return `is at ${revision}, which lacks\n  ${describeOperation(write)}`;
    const kept = found.get(key);
    if (write.input.type !== "put") {
      if (kept !== undefined && kept < written)
        return `${key} is back from ${kept}\n  ${describeOperation(write)}`;
    } else if (kept === undefined ? !maybeDeleted(operations, key) : kept < written) {
      return `${key} is ${kept ?? "not there"}\n  ${describeOperation(write)}`;
    }
  }
  return undefined;
}

/** Of each key, the acknowledged change with the highest revision. */
export function lastWrites(operations: readonly Operation[]): Map<string, Operation> {
  const last = new Map<string, Operation>();
  const keys = keysOf(operations);
  for (const operation of operations) {
    const { input } = operation;
    const revision = revisionOf(operation);
    if (revision === 0n) continue;
    const changed =
      input.type === "delete-range"
        ? keysBetween(keys, input.start, input.end)
        : "key" in input
          ? [input.key]
          : [];
    for (const key of changed) {
      const before = last.get(key);
      if (before === undefined || revisionOf(before) < revision) last.set(key, operation);
    }
  }
  return last;
}

function revisionOf({ output }: Operation): bigint {
  if (output.type === "written") return output.revision;
  return output.type === "deleted-range" && output.keys > 0 ? output.revision : 0n;
}

function maybeDeleted(operations: readonly Operation[], key: string): boolean {
  return operations.some(({ input, output }) => {
    if (output.type !== "unknown") return false;
    if (input.type === "delete") return input.key === key;
    return input.type === "delete-range" && key >= input.start && key < input.end;
  });
}
