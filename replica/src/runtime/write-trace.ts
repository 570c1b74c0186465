import type { Span } from "../tracing/types.ts";

/** The spans of one traced write on its way through the log of this leader. */
export class WriteTrace {
  readonly #proposal: Span;
  #commit: Span | undefined;

  constructor(parent: Span) {
    this.#proposal = parent.child("rstore.proposal");
  }

  proposed(index: bigint, term: bigint): void {
    this.#proposal.set({ "rstore.index": Number(index), "rstore.term": Number(term) });
    this.#commit = this.#proposal.child("rstore.commit");
  }

  /** The leader's own durable write of its entry; it may end after the entry is applied. */
  flushing(entries: number): Span {
    return this.#proposal.child("rstore.flush", { attributes: { "rstore.entries": entries } });
  }

  committed(): void {
    this.#commit?.end();
  }

  applied(startMs: number): void {
    this.#commit?.end();
    this.#proposal.child("rstore.apply", { startMs }).end();
  }

  /** Its caller has an answer. */
  ended(problem?: string): void {
    this.#commit?.end(problem);
    this.#proposal.end(problem);
  }
}
