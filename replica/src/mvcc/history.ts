/**
 * Where a key's history is: its newest event, and pointers back from there.
 *
 * Events of one key form a chain from the newest to the oldest. An event at depth d (the first has 1)
 * points, for each level i with {@link CHAIN_BASE}^i < d, to the event whose depth is the largest multiple of
 * CHAIN_BASE^i below d. Level 0 is thus the event before. A search for the event at a revision takes at most
 * CHAIN_BASE - 1 steps on each level, whatever the number of events, and no index has to be kept besides.
 * The chain begins anew when a key is created whose last deletion has been compacted: this depends only on
 * replicated state, so chains are the same on every member.
 */
export const CHAIN_BASE = 16;

export class KeyState {
  /** Revision of the newest event. */
  main: number;
  sub: number;
  /** Revision that created the key; 0 when deleted. */
  create: number;
  /** Changes since its creation; 0 when deleted. */
  version: number;
  lease: bigint;
  /** Events in the chain up to this one; at least 1. */
  depth: number;
  /** Level 0: the event before; 0 when depth is 1. */
  previousMain: number;
  previousSub: number;
  /** Levels from 1: main and sub of the event pointed to. Shared with the states before. */
  skips: readonly number[];

  constructor(revision: Revision, life: Life, chain: Chain) {
    this.main = revision.main;
    this.sub = revision.sub;
    this.create = life.create;
    this.version = life.version;
    this.lease = life.lease;
    this.depth = chain.depth;
    this.previousMain = chain.previousMain;
    this.previousSub = chain.previousSub;
    this.skips = chain.skips;
  }

  /** Only the slot of a key does this to its state: millions of states that live briefly cost more than all else. */
  become(next: KeyState): void {
    this.main = next.main;
    this.sub = next.sub;
    this.create = next.create;
    this.version = next.version;
    this.lease = next.lease;
    this.depth = next.depth;
    this.previousMain = next.previousMain;
    this.previousSub = next.previousSub;
    this.skips = next.skips;
  }

  get deleted(): boolean {
    return this.version === 0;
  }
}

export interface Revision {
  readonly main: number;
  readonly sub: number;
}

export interface Life {
  readonly create: number;
  readonly version: number;
  readonly lease: bigint;
}

export interface Chain {
  readonly depth: number;
  readonly previousMain: number;
  readonly previousSub: number;
  readonly skips: readonly number[];
}

export const DELETED: Life = { create: 0, version: 0, lease: 0n };

const FIRST: Chain = { depth: 1, previousMain: 0, previousSub: 0, skips: [] };

/** The chain of the event that follows `before`; undefined: of a first event. */
export function chainAfter(before: KeyState | undefined): Chain {
  if (before === undefined) return FIRST;
  const { depth, main, sub } = before;
  const skips = depth % CHAIN_BASE === 0 ? skipsAfter(before) : before.skips;
  return { depth: depth + 1, previousMain: main, previousSub: sub, skips };
}

function skipsAfter({ depth, main, sub, skips }: KeyState): number[] {
  const next: number[] = [];
  for (let span = CHAIN_BASE; span <= depth; span *= CHAIN_BASE) {
    if (depth % span === 0) next.push(main, sub);
    else next.push(skips[next.length]!, skips[next.length + 1]!);
  }
  return next;
}

/** Number of levels above 0 that an event at this depth has pointers for. */
export function skipLevels(depth: number): number {
  let levels = 0;
  for (let span = CHAIN_BASE; span < depth; span *= CHAIN_BASE) levels++;
  return levels;
}

/**
 * The newest event at or before `revision`: the state it left, or undefined when the key did not exist then.
 * `readState` gives the state of an event; it is asked only for events that compaction at or below
 * `revision` keeps.
 */
export function stateAt(
  newest: KeyState,
  revision: number,
  readState: (main: number, sub: number) => KeyState,
): KeyState | undefined {
  let state = newest;
  while (state.main > revision) {
    const { skips, previousMain, previousSub } = state;
    let at = skips.length - 2;
    while (at >= 0 && skips[at]! <= revision) at -= 2;
    if (at >= 0) {
      state = readState(skips[at]!, skips[at + 1]!);
    } else {
      if (state.depth === 1) return undefined;
      // What comes before a creation is a tombstone: no need to read it, and compaction may have removed it.
      if (state.version === 1 && previousMain <= revision) return undefined;
      state = readState(previousMain, previousSub);
    }
  }
  return state.deleted ? undefined : state;
}
