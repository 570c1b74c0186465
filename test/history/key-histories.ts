import type { Timed } from "./linearizability.ts";
import { isLinearizableRead, type KeyInput, type KeySeen, type Operation, type Output } from "./operation.ts";

/** What an operation did and saw of one key; one of a range is as many of these as it covers keys. */
export interface KeyOperation extends Timed {
  /** `sweep`: the part of a deletion of a range. */
  readonly input: KeyInput | { readonly type: "sweep"; readonly key: string };
  readonly output: Output;
  /** What it is a part of. */
  readonly whole: Operation;
}

/** Every key that the operations name, in order. */
export function keysOf(operations: readonly Operation[]): string[] {
  const keys = new Set<string>();
  for (const { input, output } of operations) {
    if ("key" in input) keys.add(input.key);
    if (output.type === "ranged") for (const { key } of output.pairs) keys.add(key);
  }
  return [...keys].sort();
}

/**
 * The history of each key by itself: everything that must be linearizable, without what constrains nothing
 * (certainly not applied, a read without an answer) and without reads that may be old.
 */
export function keyHistories(operations: readonly Operation[]): Map<string, KeyOperation[]> {
  const keys = keysOf(operations);
  const histories = new Map<string, KeyOperation[]>(keys.map((key) => [key, []]));
  for (const operation of operations) {
    for (const part of partsOf(operation, keys)) histories.get(part.input.key)!.push(part);
  }
  return histories;
}

function partsOf(operation: Operation, keys: readonly string[]): KeyOperation[] {
  const { input, output, invoked, returned } = operation;
  if (output.type === "not-applied") return [];
  const part = (partInput: KeyOperation["input"], partOutput: Output): KeyOperation => ({
    input: partInput,
    output: partOutput,
    invoked,
    returned,
    whole: operation,
  });
  switch (input.type) {
    case "put":
    case "delete":
      return [part(input, output)];
    case "get":
      return output.type === "read" && isLinearizableRead(input) ? [part(input, output)] : [];
    case "range":
      return output.type === "ranged" && isLinearizableRead(input)
        ? coveredKeys(operation, keys).map(({ key, seen }) =>
            part({ type: "get", key }, { type: "read", seen, at: output.at }),
          )
        : [];
    case "delete-range": {
      const took = sweepOutput(output);
      if (took === undefined) return [];
      return keysBetween(keys, input.start, input.end).map((key) => part({ type: "sweep", key }, took));
    }
    case "compact":
      return [];
  }
}

function sweepOutput(output: Output): Output | undefined {
  if (output.type === "unknown") return output;
  if (output.type !== "deleted-range") return undefined;
  return output.keys === 0
    ? { type: "absent", at: output.revision }
    : { type: "written", revision: output.revision };
}

export function keysBetween(keys: readonly string[], start: string, end: string): string[] {
  return keys.filter((key) => key >= start && key < end);
}

/** What a range says of each key up to where it ends: it is there, or it is not. */
export function coveredKeys(
  { input, output }: Operation,
  keys: readonly string[],
): { readonly key: string; readonly seen: KeySeen | undefined }[] {
  if (input.type !== "range" || output.type !== "ranged") return [];
  const pairs = new Map(output.pairs.map((pair) => [pair.key, pair]));
  const last = output.more ? output.pairs.at(-1)?.key : undefined;
  return keysBetween(keys, input.start, input.end)
    .filter((key) => last === undefined || key <= last)
    .map((key) => ({ key, seen: pairs.get(key) }));
}
