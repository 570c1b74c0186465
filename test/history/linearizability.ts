/**
 * Wing & Gong's search for a linearization, with Lowe's memoisation ("Testing for linearizability", 2017),
 * as in porcupine. Bounded by steps, not by time, so that the same history has the same verdict everywhere.
 */

export interface Model<State, Op> {
  readonly initial: State;
  /** The state after the operation, or undefined when it can't have had this output in that state. */
  step(state: State, operation: Op): State | undefined;
  /** Equal for equal states. */
  key(state: State): string;
  /**
   * Where the outputs themselves put an operation among others: in every linearization ranks never fall.
   * Prunes the search; undefined: anywhere.
   */
  rank?(operation: Op): bigint | undefined;
  /** From this state on the operation can't be placed any more, whatever happens. Prunes the search. */
  isTooLate?(state: State, operation: Op): boolean;
  /**
   * Operations that never returned and have equal keys are interchangeable once invoked: the search tries
   * one of them, not each. undefined: like no other.
   */
  twin?(operation: Op): string | undefined;
}

export interface Timed {
  readonly invoked: number;
  /** Infinity: it may take effect at any time after its invocation, or never. */
  readonly returned: number;
}

export type Verdict<Op> =
  | { readonly type: "linearizable" }
  /** `prefix` is a longest linearization found, `stuck` what could not be placed next. */
  | { readonly type: "violation"; readonly prefix: readonly Op[]; readonly stuck: readonly Op[] }
  | {
      readonly type: "undecided";
      readonly steps: number;
      readonly prefix: readonly Op[];
      readonly stuck: readonly Op[];
    };

export interface LinearizabilityOptions {
  readonly maxSteps?: number;
}

interface Frame<State> {
  readonly state: State;
  /** Operations that may come next, those that perhaps never happened last, and how many were tried. */
  candidates: readonly number[];
  tried: number;
  /** Those that perhaps never happened are among the candidates: looked for only once the others have failed. */
  hasDoubtful: boolean;
}

/** One object's history; the histories of independent objects are checked one by one. */
export function checkLinearizable<State, Op extends Timed>(
  model: Model<State, Op>,
  history: readonly Op[],
  { maxSteps = 2_000_000 }: LinearizabilityOptions = {},
): Verdict<Op> {
  const search = new Search(
    model,
    [...history].sort((a, b) => a.invoked - b.invoked),
  );
  return search.run(maxSteps);
}

class Search<State, Op extends Timed> {
  readonly #model: Model<State, Op>;
  readonly #operations: readonly Op[];
  readonly #ranks: readonly (bigint | undefined)[];
  /** Positions of the operations that returned, all of which must be placed, and of those that did not. */
  readonly #required: readonly number[];
  readonly #doubtful: readonly number[];
  readonly #placed: Uint8Array;
  readonly #order: number[] = [];
  readonly #visited = new Set<string>();
  /** In `required`: everything before it is placed. */
  #firstOpen = 0;
  #placedRequired = 0;
  /** Where most of those that returned were placed. */
  #longest: readonly number[] = [];
  #mostRequired = -1;

  constructor(model: Model<State, Op>, operations: readonly Op[]) {
    this.#model = model;
    this.#operations = operations;
    this.#ranks = operations.map((operation) => model.rank?.(operation));
    const positions = [...operations.keys()];
    this.#required = positions.filter((at) => this.#returned(at));
    this.#doubtful = positions.filter((at) => !this.#returned(at));
    this.#placed = new Uint8Array(operations.length);
  }

  run(maxSteps: number): Verdict<Op> {
    const frames: Frame<State>[] = [this.#frame(this.#model.initial)];
    let steps = 0;
    while (this.#placedRequired < this.#required.length) {
      const frame = frames.at(-1);
      if (frame === undefined) return this.#violation();
      if (frame.tried === frame.candidates.length && !this.#addDoubtful(frame)) {
        frames.pop();
        this.#unplace();
        continue;
      }
      if (++steps > maxSteps) return { ...this.#violation(), type: "undecided", steps };
      const at = frame.candidates[frame.tried++]!;
      const state = this.#model.step(frame.state, this.#operations[at]!);
      if (state === undefined) continue;
      if (state === frame.state) {
        // What changes nothing and never returned may as well never have happened.
        if (!this.#returned(at)) continue;
        // What only looks may do so now, if it may at all: whatever comes next can come after it.
        frame.tried = frame.candidates.length;
        frame.hasDoubtful = true;
      }
      this.#place(at);
      // Where there is no choice, nothing is come to by two ways.
      if (frame.candidates.length > 1 && this.#seenBefore(state)) this.#unplace();
      else frames.push(this.#frame(state));
    }
    return { type: "linearizable" };
  }

  #returned(at: number): boolean {
    return Number.isFinite(this.#operations[at]!.returned);
  }

  #place(at: number): void {
    this.#placed[at] = 1;
    this.#order.push(at);
    if (this.#returned(at)) this.#placedRequired++;
    while (this.#placed[this.#required[this.#firstOpen]!] === 1) this.#firstOpen++;
  }

  #unplace(): void {
    if (this.#placedRequired > this.#mostRequired) {
      this.#mostRequired = this.#placedRequired;
      this.#longest = [...this.#order];
    }
    const at = this.#order.pop();
    if (at === undefined) return;
    this.#placed[at] = 0;
    if (!this.#returned(at)) return;
    this.#placedRequired--;
    while (this.#firstOpen > 0 && this.#required[this.#firstOpen - 1]! >= at) this.#firstOpen--;
  }

  /** The same set of operations and the same state lead to the same end. */
  #seenBefore(state: State): boolean {
    // The set in few numbers: where the open ones begin, those placed beyond, those that may never have been.
    const beyond = this.#window().filter((at) => this.#placed[at] === 1);
    const doubtful = this.#doubtful.filter((at) => this.#placed[at] === 1);
    const key = `${this.#firstOpen}|${beyond}|${doubtful}|${this.#model.key(state)}`;
    if (this.#visited.has(key)) return true;
    this.#visited.add(key);
    return false;
  }

  /** From the first open operation on, those that were invoked before it returned; no other is placed. */
  #window(): number[] {
    const window: number[] = [];
    const first = this.#required[this.#firstOpen];
    if (first === undefined) return window;
    const { returned } = this.#operations[first]!;
    for (let i = this.#firstOpen; i < this.#required.length; i++) {
      const at = this.#required[i]!;
      if (this.#operations[at]!.invoked > returned) break;
      window.push(at);
    }
    return window;
  }

  #frame(state: State): Frame<State> {
    const open = this.#window().filter((at) => this.#placed[at] === 0);
    for (const at of open) {
      if (this.#model.isTooLate?.(state, this.#operations[at]!)) {
        return { state, candidates: [], tried: 0, hasDoubtful: true };
      }
    }
    const earliestReturn = this.#earliestReturn(open);
    const concurrent = open.filter((at) => this.#operations[at]!.invoked <= earliestReturn);
    let lowestRank: bigint | undefined;
    for (const at of concurrent) {
      const rank = this.#ranks[at];
      if (rank !== undefined && (lowestRank === undefined || rank < lowestRank)) lowestRank = rank;
    }
    const candidates = concurrent.filter((at) => {
      const rank = this.#ranks[at];
      return rank === undefined || rank === lowestRank;
    });
    return { state, candidates, tried: 0, hasDoubtful: false };
  }

  #addDoubtful(frame: Frame<State>): boolean {
    if (frame.hasDoubtful) return false;
    frame.hasDoubtful = true;
    const earliestReturn = this.#earliestReturn(this.#window().filter((at) => this.#placed[at] === 0));
    const doubtful = this.#withoutTwins(
      this.#doubtful.filter(
        (at) => this.#placed[at] === 0 && this.#operations[at]!.invoked <= earliestReturn,
      ),
    );
    frame.candidates = [...frame.candidates, ...doubtful];
    return doubtful.length > 0;
  }

  #earliestReturn(positions: readonly number[]): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (const at of positions) earliest = Math.min(earliest, this.#operations[at]!.returned);
    return earliest;
  }

  #withoutTwins(positions: readonly number[]): number[] {
    const seen = new Set<string>();
    return positions.filter((at) => {
      const twin = this.#model.twin?.(this.#operations[at]!);
      if (twin === undefined) return true;
      const isFirst = !seen.has(twin);
      seen.add(twin);
      return isFirst;
    });
  }

  #violation(): Extract<Verdict<Op>, { type: "violation" }> {
    const placed = new Set(this.#longest);
    const open = this.#operations.filter((_, at) => !placed.has(at));
    const earliestReturn = Math.min(...open.map(({ returned }) => returned));
    return {
      type: "violation",
      prefix: this.#longest.map((at) => this.#operations[at]!),
      stuck: open.filter(({ invoked }) => invoked <= earliestReturn),
    };
  }
}
