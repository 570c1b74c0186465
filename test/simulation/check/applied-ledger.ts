/** What the store is after an entry: equal on every member, whatever it applied it from (B14). */
export interface AppliedState {
  readonly index: number;
  readonly revision: number;
  readonly hash: bigint;
}

/** The store after each entry that was applied anywhere. */
export class AppliedLedger {
  readonly #states: (AppliedState | undefined)[] = [];
  /** The entry that made each revision, by revision. */
  readonly #indexOf: (number | undefined)[] = [];
  #revision = 0;

  at(index: number): AppliedState | undefined {
    return this.#states[index];
  }

  /** Index of the entry that made this revision. */
  indexOf(revision: number): number | undefined {
    return this.#indexOf[revision];
  }

  /** The newest revision that any member has applied. */
  get revision(): number {
    return this.#revision;
  }

  /** A member applied the entry `after.index`. Returns what others have there, if it is something else. */
  add(before: number, after: AppliedState): AppliedState | undefined {
    const known = this.#states[after.index];
    if (known !== undefined) {
      return known.revision === after.revision && known.hash === after.hash ? undefined : known;
    }
    this.#states[after.index] = after;
    for (let revision = before + 1; revision <= after.revision; revision++) {
      this.#indexOf[revision] ??= after.index;
    }
    if (after.revision > this.#revision) this.#revision = after.revision;
    return undefined;
  }
}
