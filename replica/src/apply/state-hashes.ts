import type { StateHash } from "./command.ts";

/** Entries from one state that members compare to the next. A power of two. */
const ENTRIES_APART = 64n;

/** States that are remembered: what is compared may lie this many entries times ENTRIES_APART back. */
const REMEMBERED_MAX = 64;

/**
 * The same entries led to another state here than on the leader. Whose is right can't be told here: the
 * runtime ends the process (FatalError diverged) before anything that follows is served or stored.
 */
export class DivergedError extends Error {
  constructor(own: StateHash, leaders: StateHash) {
    super(
      `after entry ${own.appliedIndex} this replica's state has hash ${own.hash.toString(16)}, the leader's ` +
        `${leaders.hash.toString(16)}: the same entries led to different states`,
    );
    this.name = "DivergedError";
  }
}

/**
 * What the state was at indices that every member stops at, so that the leader's can be compared with one's own
 * when it comes with a later entry (B14). In memory only: what was applied before a start is not compared.
 */
export class StateHashes {
  readonly #remembered: StateHash[] = [];

  static isDue(appliedIndex: bigint): boolean {
    return (appliedIndex & (ENTRIES_APART - 1n)) === 0n;
  }

  get newest(): StateHash | undefined {
    return this.#remembered.at(-1);
  }

  add(stateHash: StateHash): void {
    this.#remembered.push(stateHash);
    if (this.#remembered.length > REMEMBERED_MAX) this.#remembered.shift();
  }

  /** Throws DivergedError. */
  compare(leaders: StateHash): void {
    const own = this.#remembered.find(({ appliedIndex }) => appliedIndex === leaders.appliedIndex);
    if (own !== undefined && own.hash !== leaders.hash) throw new DivergedError(own, leaders);
  }
}
