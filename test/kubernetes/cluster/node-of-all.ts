/** What runs where, of one store: the node of each of its pods. */
export type Placement = readonly (string | undefined)[];

/**
 * The first of the nodes that carries one member of each store: a fault of another would test nothing of a store
 * without a member there, and of one with two would take its quorum.
 */
export function nodeOfAll(nodes: readonly string[], stores: readonly Placement[]): string {
  const found = nodes.find((node) => stores.every((places) => membersOn(places, node) === 1));
  if (found !== undefined) return found;
  const counts = nodes.map(
    (node) => `${node}: ${stores.map((places) => membersOn(places, node)).join(", ")}`,
  );
  throw new Error(`no node carries one member of each store; there are of each (${counts.join("; ")})`);
}

function membersOn(places: Placement, node: string): number {
  return places.filter((place) => place === node).length;
}
