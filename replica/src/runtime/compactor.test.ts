import { describe, expect, test } from "vitest";
import { Compactor } from "./compactor.ts";
import { limits } from "./limits.ts";

const EVERY_MS = limits.compactionEveryMs;
const STEP_MS = limits.housekeepingMs;

/** A leader's store, whose compactions are applied at once, on a clock that is moved by hand. */
class Harness {
  nowMs = 5_000;
  revision = 1n;
  compacted = 0n;
  isLeader = true;
  readonly proposed: { readonly atMs: number; readonly revision: bigint }[] = [];
  /** The revision in force at each step. */
  readonly history: { readonly atMs: number; readonly revision: bigint }[] = [];
  #compactor: Compactor;
  readonly #config: ConstructorParameters<typeof Compactor>[0]["config"];

  constructor(keep: { readonly revisions?: number; readonly seconds?: number }) {
    this.#config = {
      compactionKeepRevisions: keep.revisions ?? 0,
      compactionKeepSeconds: keep.seconds ?? 0,
    };
    this.#compactor = this.restart();
  }

  /** Another process of the member, or another member: what it remembers begins anew. */
  restart(): Compactor {
    this.#compactor = new Compactor({
      config: this.#config,
      limits,
      isLeader: () => this.isLeader,
      revision: () => this.revision,
      compactedRevision: () => this.compacted,
      propose: (revision) => {
        this.proposed.push({ atMs: this.nowMs, revision });
        expect(revision, "it goes forward").toBeGreaterThan(this.compacted);
        this.compacted = revision;
      },
    });
    return this.#compactor;
  }

  get samples(): number {
    return this.#compactor.samples;
  }

  run(forMs: number, write: () => bigint = () => 0n): void {
    for (const endMs = this.nowMs + forMs; this.nowMs < endMs; ) {
      this.nowMs += STEP_MS;
      this.revision += write();
      this.history.push({ atMs: this.nowMs, revision: this.revision });
      this.#compactor.tick(this.nowMs);
    }
  }

  /** The store's revision at an earlier time. */
  at(timeMs: number): bigint {
    return this.history.findLast(({ atMs }) => atMs <= timeMs)?.revision ?? 1n;
  }
}

describe("automatic compaction", () => {
  test("is off unless a setting asks for it", () => {
    const harness = new Harness({});
    harness.run(100 * EVERY_MS, () => 100n);
    expect(harness.proposed).toEqual([]);
  });

  test("keeps so many revisions, and no more than are written between two of it", () => {
    const harness = new Harness({ revisions: 100 });
    harness.run(EVERY_MS, () => 1n);
    expect(harness.proposed, "there is nothing old enough").toEqual([]);
    for (let i = 0; i < 2_000; i += 1) {
      harness.run(STEP_MS, () => 3n);
      expect(harness.compacted).toBeLessThanOrEqual(
        harness.revision - 100n < 0n ? 0n : harness.revision - 100n,
      );
    }
    const written = 3n * BigInt(EVERY_MS / STEP_MS);
    expect(harness.compacted).toBeGreaterThanOrEqual(harness.revision - 100n - written);
  });

  test("keeps what was readable so many seconds ago, and not for much longer", () => {
    const seconds = 300;
    const harness = new Harness({ seconds });
    const slackMs = EVERY_MS + (seconds * 1000) / limits.compactionSamplesMax + 2 * STEP_MS;
    for (let i = 0; i < 4_000; i += 1) {
      harness.run(STEP_MS, () => BigInt((i * 7919) % 5));
      expect(harness.compacted).toBeLessThanOrEqual(harness.at(harness.nowMs - seconds * 1000));
      if (i > 1_000) {
        const late = harness.at(harness.nowMs - seconds * 1000 - slackMs);
        expect(harness.compacted).toBeGreaterThanOrEqual(late);
      }
    }
    expect(harness.samples).toBeLessThanOrEqual(limits.compactionSamplesMax + 2);
  });

  test("with both settings the longer history counts", () => {
    const busy = new Harness({ revisions: 10, seconds: 60 });
    busy.run(300_000, () => 10n);
    expect(busy.compacted).toBeGreaterThan(0n);
    expect(busy.compacted).toBeLessThanOrEqual(busy.at(busy.nowMs - 60_000));
    const slow = new Harness({ revisions: 1_000, seconds: 1 });
    slow.run(300_000, () => 5n);
    expect(slow.compacted).toBeGreaterThan(0n);
    expect(slow.compacted).toBeLessThanOrEqual(slow.revision - 1_000n);
  });

  test("what was seen by another process is unknown: after a restart it keeps longer, never shorter", () => {
    const harness = new Harness({ seconds: 60 });
    harness.run(100_000, () => 1n);
    const { compacted } = harness;
    harness.restart();
    harness.run(59_000, () => 1n);
    expect(harness.compacted).toBe(compacted);
    harness.run(20_000, () => 1n);
    expect(harness.compacted).toBeGreaterThan(compacted);
    expect(harness.compacted).toBeLessThanOrEqual(harness.at(harness.nowMs - 60_000));
  });

  test("a follower remembers, and proposes nothing until it leads", () => {
    const harness = new Harness({ seconds: 60 });
    harness.isLeader = false;
    harness.run(200_000, () => 1n);
    expect(harness.proposed).toEqual([]);
    harness.isLeader = true;
    harness.run(STEP_MS);
    expect(harness.compacted).toBeLessThanOrEqual(harness.at(harness.nowMs - 60_000));
    expect(harness.proposed).toHaveLength(1);
  });

  test("proposes not often, and nothing while nothing is written", () => {
    const harness = new Harness({ revisions: 1 });
    harness.run(20 * EVERY_MS, () => 1n);
    const times = harness.proposed.map(({ atMs }) => atMs);
    for (let i = 1; i < times.length; i += 1)
      expect(times[i]! - times[i - 1]!).toBeGreaterThanOrEqual(EVERY_MS);
    harness.run(2 * EVERY_MS);
    const { length } = harness.proposed;
    harness.run(20 * EVERY_MS);
    expect(harness.proposed).toHaveLength(length);
  });
});
