import type { WriteOperation, WriteResult } from "@rstore/replica/apply/operation";
import type { KeyValue } from "@rstore/replica/mvcc/types";

export interface Version {
  readonly mod: number;
  readonly create: number;
  readonly version: number;
  /** undefined: deleted. */
  readonly value: Uint8Array | undefined;
}

const encoder = new TextEncoder();

/** Keys and all their versions: the simplest store that can be right. */
export class FakeStore {
  revision = 1;
  compacted = 0;
  readonly versions = new Map<string, Version[]>();

  at(key: string, revision: number): Version | undefined {
    const version = this.versions.get(key)?.findLast(({ mod }) => mod <= revision);
    return version?.value === undefined ? undefined : version;
  }

  keyValue(key: string, revision: number): KeyValue | undefined {
    const version = this.at(key, revision);
    return version && keyValueOf(key, version);
  }

  range(start: string, end: string, revision: number): KeyValue[] {
    const keys = [...this.versions.keys()].filter((key) => key >= start && key < end).sort();
    return keys.flatMap((key) => this.keyValue(key, revision) ?? []);
  }

  apply(operation: WriteOperation): WriteResult {
    switch (operation.type) {
      case "put": {
        const key = textOf(operation.key);
        const refusal = this.#compare(key, operation.expectedModRevision);
        if (refusal !== undefined) return refusal;
        const previous = operation.previous ? this.keyValue(key, this.revision) : undefined;
        this.put(key, operation.value);
        return { type: "put", revision: BigInt(this.revision), previous };
      }
      case "delete": {
        const key = textOf(operation.start);
        const refusal = this.#compare(key, operation.expectedModRevision);
        if (refusal !== undefined) return refusal;
        const end = operation.end === undefined ? `${key}\0` : textOf(operation.end);
        const victims = this.range(key, end, this.revision);
        if (victims.length > 0) this.remove(victims.map((victim) => textOf(victim.key)));
        const previous = operation.previous ? victims : [];
        return { type: "delete", revision: BigInt(this.revision), deleted: victims.length, previous };
      }
      case "compact": {
        const revision = Number(operation.revision);
        if (revision <= this.compacted) {
          const compactedRevision = BigInt(this.compacted);
          return { type: "refused", refusal: { reason: "compacted", compactedRevision } };
        }
        if (revision > this.revision) {
          return { type: "refused", refusal: { reason: "future", revision: BigInt(this.revision) } };
        }
        this.compacted = revision;
        return { type: "compact", revision: operation.revision };
      }
    }
  }

  put(key: string, value: Uint8Array): void {
    const before = this.at(key, this.revision);
    this.revision += 1;
    const mod = this.revision;
    this.#add(key, { mod, create: before?.create ?? mod, version: (before?.version ?? 0) + 1, value });
  }

  remove(keys: readonly string[]): void {
    this.revision += 1;
    for (const key of keys) this.#add(key, { mod: this.revision, create: 0, version: 0, value: undefined });
  }

  #add(key: string, version: Version): void {
    const versions = this.versions.get(key);
    if (versions === undefined) this.versions.set(key, [version]);
    else versions.push(version);
  }

  #compare(key: string, expected: bigint | undefined): WriteResult | undefined {
    const modRevision = BigInt(this.at(key, this.revision)?.mod ?? 0);
    if (expected === undefined || expected === modRevision) return undefined;
    return { type: "refused", refusal: { reason: "compare-failed", modRevision } };
  }
}

export function keyValueOf(key: string, { mod, create, version, value }: Version): KeyValue {
  return {
    key: encoder.encode(key),
    value: value!,
    createRevision: BigInt(create),
    modRevision: BigInt(mod),
    version: BigInt(version),
    lease: 0n,
  };
}

export function textOf(key: Uint8Array): string {
  return Buffer.from(key).toString("latin1");
}
