import type { Operation } from "../../history/operation.ts";
import { seenIn } from "../../history/settle-observed.ts";

/** What clients have learned from answers, to ask better questions. */
export class Knowledge {
  /** The newest revision that any answer showed. */
  newest = 1n;
  /** Reads below it are refused, as far as anybody knows. */
  oldest = 0n;
  readonly #modRevisions = new Map<string, bigint>();

  /** Last seen; 0n: not there; undefined: never asked. */
  modRevision(key: string): bigint | undefined {
    return this.#modRevisions.get(key);
  }

  learn({ input, output }: Operation): void {
    const key = "key" in input ? input.key : undefined;
    for (const seen of seenIn(output)) {
      const seenKey = seen.key ?? key;
      if (seenKey !== undefined && output.type !== "written")
        this.#modRevisions.set(seenKey, seen.modRevision);
      this.#show(seen.modRevision);
    }
    switch (output.type) {
      case "written":
        if (key !== undefined) this.#modRevisions.set(key, input.type === "put" ? output.revision : 0n);
        this.#show(output.revision);
        break;
      case "deleted-range":
        this.#show(output.revision);
        break;
      case "read":
        if (key !== undefined && output.seen === undefined) this.#modRevisions.set(key, 0n);
        this.#show(output.at ?? 0n);
        break;
      case "ranged":
        this.#show(output.at);
        break;
      case "mismatch":
        if (key !== undefined) this.#modRevisions.set(key, output.actual);
        break;
      case "compacted":
        if (input.type === "compact" && input.revision > this.oldest) this.oldest = input.revision;
        break;
      case "too-new":
        this.#show(output.newest);
        break;
      case "too-old":
        if (output.oldest > this.oldest) this.oldest = output.oldest;
        break;
    }
  }

  #show(revision: bigint): void {
    if (revision > this.newest) this.newest = revision;
  }
}
