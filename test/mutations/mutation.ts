/**
 * One guard of the consensus core, removed. `search` must occur exactly once in `file`: when the code moves on,
 * the mutation is to be moved with it.
 */
export interface Mutation {
  /** What the core does then, in kebab-case. */
  readonly name: string;
  /** Where the guard comes from. */
  readonly source: string;
  /** In replica/src/raft. */
  readonly file: string;
  readonly search: string;
  readonly replace: string;
}
