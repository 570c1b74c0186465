import type { WriteOperation, WriteResult } from "@rstore/replica/apply/operation";
import type { KeyValue } from "@rstore/replica/mvcc/types";
import {
  type AnswerState,
  type RangeAnswer,
  type RangeRequest,
  type ReadOptions,
  ReplicaError,
  type WriteOptions,
  type WriteOutcome,
} from "@rstore/replica/runtime/replica-api";
import type { Random } from "../world/random.ts";
import type { World } from "../world/world.ts";
import type { Anomaly } from "./fake-anomalies.ts";
import { type FakeStore, keyValueOf, textOf } from "./fake-store.ts";

interface FakeReplicaParts {
  readonly world: World;
  readonly random: Random;
  /** What is committed; replicas see it up to where each of them is. */
  readonly store: FakeStore;
  readonly index: number;
  readonly anomaly: Anomaly | undefined;
}

/** How often a chance to do wrong is taken. */
const WRONG_CHANCE = 0.2;
/** Writes that end without saying how. */
const UNKNOWN_CHANCE = 0.1;
const LAG_MAX = 6;

/** A replica of the fake store: as a client sees one. The first leads. */
export class FakeReplica {
  readonly #parts: FakeReplicaParts;
  /** Up to here it has applied what is committed. */
  #applied = 1;

  constructor(parts: FakeReplicaParts) {
    this.#parts = parts;
  }

  answerState(): AnswerState {
    return {
      clusterId: 1n,
      memberId: BigInt(this.#parts.index + 1),
      leaderId: 1n,
      leaderClientUrl: "http://r0:4001",
      term: 1n,
      revision: BigInt(this.#applied),
    };
  }

  async write(
    operations: readonly WriteOperation[],
    { forward }: WriteOptions,
  ): Promise<readonly WriteOutcome[]> {
    const { index, random } = this.#parts;
    if (index !== 0 && !forward) {
      throw new ReplicaError("not-leader", "ask r0", {
        outcome: "not-applied",
        detail: { leaderClientUrl: "http://r0:4001" },
      });
    }
    await this.#wait(random.exponential(3000));
    const isUnknown = random.chance(UNKNOWN_CHANCE);
    if (isUnknown && random.chance(0.4)) throw unknownError();
    const outcomes = await this.#applyAll(operations, isUnknown);
    if (this.#goesWrong("refused but applied")) {
      throw new ReplicaError("no-quorum", "it was not applied", { outcome: "not-applied" });
    }
    if (isUnknown) throw unknownError();
    return outcomes;
  }

  async awaitReadable({ consistency, minRevision, deadlineMs }: ReadOptions): Promise<void> {
    const { store, random, world } = this.#parts;
    const wanted = consistency === "linearizable" ? store.revision : 1;
    await this.#wait(random.exponential(3000));
    const stale = consistency === "linearizable" && this.#goesWrong("stale linearizable read");
    const lag = stale ? store.revision : random.between(0, LAG_MAX);
    this.#applied = Math.max(this.#applied, stale ? 1 : wanted, store.revision - lag);
    if (consistency === "serializable" && this.#goesWrong("serializable read goes back")) {
      this.#applied = Math.max(1, this.#applied - random.between(1, 5));
    }
    if (minRevision === 0n || this.#goesWrong("at-least revision ignored")) return;
    while (store.revision < Number(minRevision)) {
      if (world.nowUs / 1000 >= deadlineMs) throw new ReplicaError("deadline-exceeded", "it is not here yet");
      await this.#wait(5000);
    }
    this.#applied = Math.max(this.#applied, Number(minRevision));
  }

  get(key: Uint8Array, revision: bigint | undefined): KeyValue | undefined {
    const { store, random } = this.#parts;
    const name = textOf(key);
    const at = this.#revisionToRead(revision);
    if (revision === undefined && this.#goesWrong("uncommitted read")) {
      const next = this.#applied + 1;
      const value = Uint8Array.from([...(store.at(name, at)?.value ?? key)]);
      return keyValueOf(name, { mod: next, create: next, version: 1, value });
    }
    const keyValue = store.keyValue(name, at);
    if (keyValue === undefined) return undefined;
    const { version, createRevision, value } = keyValue;
    if (this.#goesWrong("wrong version")) return { ...keyValue, version: version + 1n };
    if (this.#goesWrong("wrong creation")) return { ...keyValue, createRevision: createRevision - 1n };
    if (this.#goesWrong("damaged value"))
      return { ...keyValue, value: value.map((byte, i) => (i === 1 ? 0 : byte)) };
    if (this.#goesWrong("value of another key")) {
      const other = random.pick([...store.versions.values()].flat());
      return { ...keyValue, value: other.value ?? value };
    }
    return keyValue;
  }

  async range({ start, end, revision, limit }: RangeRequest): Promise<RangeAnswer> {
    const { store, random } = this.#parts;
    const at = this.#revisionToRead(revision);
    const all = store.range(textOf(start), textOf(end!), at);
    const most = limit === 0 ? all.length : limit;
    let keyValues = all.slice(0, this.#goesWrong("range beyond its limit") ? most + 1 : most);
    if (this.#goesWrong("range misses a key")) keyValues = keyValues.filter(() => random.chance(0.7));
    if (this.#goesWrong("range out of order")) keyValues = keyValues.toReversed();
    if (this.#goesWrong("torn range")) {
      const old = store.range(textOf(start), textOf(end!), Math.max(1, at - random.between(1, 8)));
      keyValues = keyValues.map((now) => old.find(({ key }) => textOf(key) === textOf(now.key)) ?? now);
    }
    const more = all.length > most || this.#goesWrong("range says more");
    return { keyValues, count: keyValues.length, more, revision: BigInt(at) };
  }

  #revisionToRead(revision: bigint | undefined): number {
    const { store, random } = this.#parts;
    if (revision === undefined) return this.#applied;
    if (Number(revision) > this.#applied || this.#goesWrong("future revision refused")) {
      const newest = Math.min(this.#applied, Number(revision) - 1);
      throw new ReplicaError("future-revision", "not yet", { detail: { revision: BigInt(newest) } });
    }
    const isCompacted = Number(revision) < store.compacted && !this.#goesWrong("compacted revision answered");
    if (isCompacted || this.#goesWrong("compaction invented")) {
      const oldest = isCompacted ? store.compacted : Number(revision) + 1;
      throw new ReplicaError("compacted", "gone", { detail: { revision: BigInt(oldest) } });
    }
    if (this.#goesWrong("old revision answered from the newest")) return this.#applied;
    const lost = this.#goesWrong("old revision lost a version") ? random.between(1, 6) : 0;
    return Math.max(1, Number(revision) - lost);
  }

  async #applyAll(operations: readonly WriteOperation[], isUnknown: boolean): Promise<WriteOutcome[]> {
    const { random } = this.#parts;
    const outcomes: WriteOutcome[] = [];
    for (const [at, operation] of operations.entries()) {
      if (at > 0 && this.#goesWrong("batch torn apart")) await this.#wait(random.between(10_000, 60_000));
      if (at > 0 && isUnknown && this.#goesWrong("batch half lost")) break;
      outcomes.push(this.#applyOne(operation, isUnknown));
    }
    return outcomes;
  }

  #applyOne(operation: WriteOperation, isUnknown: boolean): WriteResult {
    const { store, random } = this.#parts;
    const before = store.revision;
    const wrong = this.#applyWrongly(operation, isUnknown);
    const result = wrong ?? store.apply(operation);
    if (result.type === "delete" && result.deleted > 1 && this.#goesWrong("delete range miscounts")) {
      return { ...result, deleted: result.deleted - 1 };
    }
    if (result.type === "put" && result.previous !== undefined && this.#goesWrong("wrong previous value")) {
      return { ...result, previous: store.keyValue(textOf(result.previous.key), random.between(1, before)) };
    }
    if (result.type === "put" && this.#goesWrong("revision given twice")) store.revision -= 1;
    if (result.type === "put" && this.#goesWrong("revisions go back")) {
      store.revision = Math.max(2, store.revision - random.between(2, 4));
    }
    return result;
  }

  /** undefined: rightly. */
  #applyWrongly(operation: WriteOperation, isUnknown: boolean): WriteResult | undefined {
    const { store, random } = this.#parts;
    if (operation.type === "compact") return undefined;
    const isPut = operation.type === "put";
    const expected = operation.expectedModRevision;
    const key = textOf(isPut ? operation.key : operation.start);
    const actual = BigInt(store.at(key, store.revision)?.mod ?? 0);
    if (expected !== undefined && expected !== actual && this.#goesWrong("compare ignored")) {
      return store.apply({ ...operation, expectedModRevision: undefined });
    }
    if (expected !== undefined && expected === actual && this.#goesWrong("compare refused though equal")) {
      return { type: "refused", refusal: { reason: "compare-failed", modRevision: expected + 1n } };
    }
    if (expected !== undefined && this.#goesWrong("compare with an old state")) {
      const old = store.at(key, Math.max(1, store.revision - random.between(1, 8)));
      const modRevision = BigInt(old?.mod ?? 0);
      if (modRevision !== expected)
        return { type: "refused", refusal: { reason: "compare-failed", modRevision } };
    }
    if (expected !== undefined) return undefined;
    if (isPut && this.#goesWrong("lost write")) {
      store.revision += 1;
      return { type: "put", revision: BigInt(store.revision), previous: undefined };
    }
    if (
      isPut &&
      (this.#goesWrong("applied twice") || (isUnknown && this.#goesWrong("applied twice without an answer")))
    ) {
      store.apply(operation);
      return store.apply(operation);
    }
    if (!isPut && operation.end === undefined && actual === 0n && this.#goesWrong("delete without a key")) {
      store.remove([key]);
      return { type: "delete", revision: BigInt(store.revision), deleted: 1, previous: [] };
    }
    if (!isPut && operation.end === undefined && actual > 0n && this.#goesWrong("lost delete")) {
      store.revision += 1;
      return { type: "delete", revision: BigInt(store.revision), deleted: 1, previous: [] };
    }
    if (!isPut && operation.end !== undefined && this.#goesWrong("delete range misses a key")) {
      const victims = store
        .range(key, textOf(operation.end), store.revision)
        .map((victim) => textOf(victim.key));
      if (victims.length < 2) return undefined;
      store.remove(victims.slice(1));
      return { type: "delete", revision: BigInt(store.revision), deleted: victims.length, previous: [] };
    }
    return undefined;
  }

  #goesWrong(how: Anomaly): boolean {
    const { anomaly, random } = this.#parts;
    return anomaly === how && random.chance(WRONG_CHANCE);
  }

  #wait(us: number): Promise<void> {
    return new Promise((resolve) => this.#parts.world.at(us, resolve));
  }
}

function unknownError(): ReplicaError {
  return new ReplicaError("outcome-unknown", "perhaps", { outcome: "unknown" });
}
