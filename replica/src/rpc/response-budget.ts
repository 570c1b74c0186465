import type { ReplicaError } from "../runtime/replica-api.ts";
import { limitExceeded } from "./errors.ts";

/** What is left of an answer's bytes. One for each answer, so a batch shares it among its operations. */
export class ResponseBudget {
  readonly #maxBytes: number;
  #leftBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#leftBytes = maxBytes;
  }

  /** Takes the bytes if they are there; returns whether they were. */
  take(bytes: number): boolean {
    if (bytes > this.#leftBytes) return false;
    this.#leftBytes -= bytes;
    return true;
  }

  exhausted(): ReplicaError {
    return limitExceeded("response_max_bytes", this.#maxBytes, "the answer is full; ask for less at once");
  }
}
