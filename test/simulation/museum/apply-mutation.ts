import type { Mutation } from "./mutation.ts";

/** The source with the guard removed. Throws when the mutation does not fit the source any more. */
export function applyMutation(mutation: Mutation, source: string): string {
  const { name, file, search, replace } = mutation;
  const count = source.split(search).length - 1;
  if (count !== 1) {
    throw new Error(
      `mutation ${name}: ${JSON.stringify(search)} occurs ${count} times in ${file}, expected once; ` +
        "move the mutation to where the guard is now, or remove it with the guard",
    );
  }
  return source.replace(search, () => replace);
}
