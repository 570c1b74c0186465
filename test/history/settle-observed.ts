import type { KeySeen, Operation, Output } from "./operation.ts";

/**
 * A put without an answer whose value was seen has happened, and whoever saw it tells its revision: it becomes
 * a put that was acknowledged when the first of them had their answer. Values must be unique.
 */
export function settleObserved(history: readonly Operation[]): Operation[] {
  const observed = new Map<string, { key: string | undefined; revision: bigint; returned: number }>();
  for (const { input, output, returned } of history) {
    for (const { key, value, modRevision } of seenIn(output)) {
      const before = observed.get(value);
      observed.set(value, {
        key: key ?? ("key" in input ? input.key : undefined),
        // If it was applied twice, the second revision is one too many.
        revision: before === undefined || modRevision < before.revision ? modRevision : before.revision,
        returned: Math.min(returned, before?.returned ?? returned),
      });
    }
  }
  return history.map((operation) => {
    const { input, output } = operation;
    if (input.type !== "put" || output.type !== "unknown") return operation;
    const seen = observed.get(input.value);
    if (seen === undefined || seen.key !== input.key || seen.returned < operation.invoked) return operation;
    return { ...operation, output: { type: "written", revision: seen.revision }, returned: seen.returned };
  });
}

const nothing: readonly KeySeen[] = [];

/** The keys that an answer shows; the key of a get's is not filled in. */
export function seenIn(output: Output): readonly (Omit<KeySeen, "key"> & { readonly key?: string })[] {
  switch (output.type) {
    case "read":
      return output.seen === undefined ? nothing : [output.seen];
    case "ranged":
      return output.pairs;
    case "written":
    case "deleted-range":
      return output.previous ?? nothing;
    default:
      return nothing;
  }
}
