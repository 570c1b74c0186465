import type { Logger } from "../log.ts";
import { describeIndexedConfiguration } from "../raft/describe.ts";
import type { IndexedConfiguration, SoftState } from "../raft/types.ts";
import { formatId } from "./membership.ts";

/** Positions of a member that move on without an occasion of their own to say so. */
interface Progress {
  readonly term: bigint;
  readonly compactedRevision: bigint;
}

/** A line for each change of role, leader, term, configuration and kept history. */
export class MemberLog {
  readonly #log: Logger;
  #term: bigint;
  #compactedRevision: bigint;

  constructor(log: Logger, { term, compactedRevision }: Progress) {
    this.#log = log;
    this.#term = term;
    this.#compactedRevision = compactedRevision;
  }

  roleChanged({ role, leader }: SoftState, term: bigint): void {
    this.#term = term;
    this.#log.record("raft.role", { role, leader: formatId(leader), term });
  }

  configurationChanged(inForce: IndexedConfiguration): void {
    const { index, configuration } = inForce;
    this.#log.record("raft.configuration", {
      index,
      joint: configuration.outgoing.length > 0,
      configuration: describeIndexedConfiguration(inForce),
    });
  }

  /** At the end of a turn. */
  progressed({ term, compactedRevision }: Progress): void {
    if (term !== this.#term) {
      this.#log.record("raft.term", { term, before: this.#term });
      this.#term = term;
    }
    if (compactedRevision !== this.#compactedRevision) {
      const before = this.#compactedRevision;
      this.#log.record("history.compacted", { revision: compactedRevision, before });
      this.#compactedRevision = compactedRevision;
    }
  }
}
