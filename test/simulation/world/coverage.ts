/**
 * What must have happened in a run of the whole suite, or it proved nothing about it. Count where it really
 * happens, not where it was asked for.
 */
export const counters = [
  "elections.won",
  "elections.started",
  "terms.leaderless",
  "leader.crashed",
  "leader.paused",
  "leader.isolated",
  "leadership.transferred",
  "process.crashed",
  "process.crashed-between-steps",
  "process.paused",
  "process.restarted",
  "process.stopped",
  "clock.skewed",
  "network.lost",
  "network.duplicated",
  "network.reordered",
  "network.corrupted",
  "network.throttled",
  "network.connection-reset",
  "network.partition-symmetric",
  "network.partition-one-way",
  "network.partition-partial",
  "network.flapping",
  "network.swizzle",
  "network.through-codecs",
  "peer.refused-wrong-member",
  "peer.refused-removed",
  "peer.refused-stale-disk",
  "disk.commit-lost",
  "disk.commit-torn",
  "disk.file-torn",
  "disk.name-lost",
  "disk.stalled",
  "disk.slow",
  "disk.write-failed",
  "disk.read-failed",
  "disk.bit-flipped",
  "disk.full",
  "disk.wiped",
  "disk.old-copy",
  "disk.damage-found",
  "store.recovered-from-peer",
  "log.discarded-at-start",
  "log.truncated",
  "log.compacted",
  "membership.joint-entered",
  "membership.joint-left",
  "membership.rolled-back",
  "membership.several-at-once",
  "membership.newcomer-never-up",
  "membership.leader-removed",
  "membership.learner-promoted",
  "membership.refused",
  "membership.member-reset",
  "membership.removed-learned",
  "snapshot.sent",
  "snapshot.installed",
  "snapshot.resumed",
  "writes.acknowledged",
  "writes.unknown",
  "writes.refused",
  "writes.forwarded",
  "writes.compare-failed",
  "reads.linearizable",
  "reads.serializable",
  "reads.at-least-revision",
  "reads.at-old-revision",
  "reads.range",
  "reads.on-follower",
  "store.compacted",
  "liveness.converged",
  "operator.bootstrapped",
  "operator.adopted",
  "operator.scaled-out",
  "operator.scaled-in",
  "operator.replaced",
  "operator.gave-up",
  "operator.restarted",
  "operator.claim-deleted",
  "operator.spec-edited",
  "operator.recreated",
  "operator.drained",
  "operator.node-lost",
  "operator.stale-view",
  "operator.acted-late",
  "operator.crashed-between-steps",
  "operator.two-at-once",
  "operator.converged",
] as const;

export type Counter = (typeof counters)[number];

export class Coverage {
  readonly #counts = new Map<Counter, number>(counters.map((name) => [name, 0]));

  count(counter: Counter, by = 1): void {
    this.#counts.set(counter, this.#counts.get(counter)! + by);
  }

  get(counter: Counter): number {
    return this.#counts.get(counter)!;
  }

  add(other: Iterable<readonly [Counter, number]>): void {
    for (const [counter, by] of other) this.count(counter, by);
  }

  entries(): [Counter, number][] {
    return [...this.#counts];
  }

  /** What never happened. */
  missing(): Counter[] {
    return counters.filter((counter) => this.get(counter) === 0);
  }
}
