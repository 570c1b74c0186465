import type { Input, KeySeen, Output } from "./operation.ts";

interface Version extends KeySeen {
  readonly deleted: boolean;
}

/** The store's rules in their simplest form: what an operation answers when it is done alone. */
export class ReferenceStore {
  revision: bigint;
  readonly #versions: readonly Version[];
  readonly #compacted: bigint;

  constructor(revision = 1n, versions: readonly Version[] = [], compacted = 0n) {
    this.revision = revision;
    this.#versions = versions;
    this.#compacted = compacted;
  }

  /** The answer, and the store after it. */
  perform(input: Input): { readonly output: Output; readonly store: ReferenceStore } {
    switch (input.type) {
      case "get":
      case "range":
        return { output: this.#read(input), store: this };
      case "put":
      case "delete": {
        const before = this.#at(input.key, this.revision);
        const actual = before?.modRevision ?? 0n;
        if (input.expected !== undefined && input.expected !== actual) {
          return { output: { type: "mismatch", actual }, store: this };
        }
        if (input.type === "put") return this.#written(this.#put(input.key, input.value, before));
        if (before === undefined) return { output: { type: "absent", at: this.revision }, store: this };
        return this.#written([this.#tombstone(before)]);
      }
      case "delete-range": {
        const victims = this.#range(input.start, input.end, this.revision);
        const output = { type: "deleted-range", keys: victims.length } as const;
        if (victims.length === 0) return { output: { ...output, revision: this.revision }, store: this };
        const { store } = this.#written(victims.map((victim) => this.#tombstone(victim)));
        return { output: { ...output, revision: store.revision }, store };
      }
      case "compact": {
        if (input.revision <= this.#compacted) {
          return { output: { type: "too-old", oldest: this.#compacted }, store: this };
        }
        if (input.revision > this.revision) {
          return { output: { type: "too-new", newest: this.revision }, store: this };
        }
        const store = new ReferenceStore(this.revision, this.#versions, input.revision);
        return { output: { type: "compacted" }, store };
      }
    }
  }

  #read(input: Extract<Input, { type: "get" | "range" }>): Output {
    const at = this.revision;
    const revision = input.revision ?? at;
    if (revision > at) return { type: "too-new", newest: at };
    if (input.revision !== undefined && revision < this.#compacted) {
      return { type: "too-old", oldest: this.#compacted };
    }
    if (input.type === "get") {
      const found = this.#at(input.key, revision);
      return { type: "read", seen: found && seenOf(found), at };
    }
    const pairs = this.#range(input.start, input.end, revision).map((version) => ({
      key: version.key,
      ...seenOf(version),
    }));
    return { type: "ranged", pairs, more: false, at };
  }

  #at(key: string, revision: bigint): Version | undefined {
    const last = this.#versions.findLast((version) => version.key === key && version.modRevision <= revision);
    return last?.deleted === false ? last : undefined;
  }

  #range(start: string, end: string, revision: bigint): Version[] {
    const keys = [...new Set(this.#versions.map(({ key }) => key))].sort();
    return keys.filter((key) => key >= start && key < end).flatMap((key) => this.#at(key, revision) ?? []);
  }

  #put(key: string, value: string, before: Version | undefined): Version[] {
    const modRevision = this.revision + 1n;
    const createRevision = before?.createRevision ?? modRevision;
    return [
      { key, value, modRevision, createRevision, version: (before?.version ?? 0n) + 1n, deleted: false },
    ];
  }

  #tombstone(before: Version): Version {
    return { ...before, modRevision: this.revision + 1n, deleted: true };
  }

  #written(versions: readonly Version[]): { output: Output; store: ReferenceStore } {
    const revision = this.revision + 1n;
    const store = new ReferenceStore(revision, [...this.#versions, ...versions], this.#compacted);
    return { output: { type: "written", revision }, store };
  }
}

function seenOf({ value, modRevision, createRevision, version }: Version) {
  return { value, modRevision, createRevision, version };
}
