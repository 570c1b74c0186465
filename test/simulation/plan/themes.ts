import type { Random } from "../world/random.ts";
import type { FaultKind, OperationMix, Shape } from "./types.ts";

/** What a run is mostly about; each bends shape and faults its way. */
export type Theme =
  | "mixed"
  | "reads"
  | "writes"
  | "contention"
  | "compaction"
  | "snapshots"
  | "membership"
  | "elections"
  | "durability"
  | "joint"
  | "damage"
  | "forwarding"
  | "transfers"
  | "operator";

export interface ThemeBend {
  /** How often it comes when nobody asks for one. */
  readonly weight: number;
  /** Operations of these kinds are never left out. */
  readonly mix?: Partial<OperationMix>;
  /** Faults of these kinds are never left out, and come this much more often. */
  readonly kinds?: Partial<Record<FaultKind, number>>;
  readonly spare?: readonly [least: number, most: number];
  readonly bend?: (shape: Shape, random: Random) => Partial<Shape>;
}

const slowDisk = (shape: Shape, random: Random): Partial<Shape> => {
  const flushMinUs = random.pick([1000, 20_000, 60_000]);
  return { disk: { ...shape.disk, flushMinUs, flushMaxUs: flushMinUs * random.pick([1, 4]) } };
};

const nervous = (_: Shape, random: Random): Partial<Shape> => {
  const electionTimeoutMs = random.pick([150, 200, 300]);
  const heartbeatIntervalMs = Math.floor(electionTimeoutMs / random.between(5, 8) / 10) * 10;
  return { electionTimeoutMs, heartbeatIntervalMs };
};

/** Logs that differ stay, and are made one in small steps instead of by a snapshot. */
const longLogs = ({ limits }: Shape, random: Random): Partial<Shape> => ({
  limits: { ...limits, logRetainedEntries: 20_000, appendMaxBytes: random.pick([1, 150, 1024 * 1024]) },
});

export const themes: Readonly<Record<Theme, ThemeBend>> = {
  mixed: { weight: 4 },
  reads: {
    weight: 2,
    mix: { get: 25, getSerializable: 10, getAtLeast: 8, getAtRevision: 6, range: 6 },
    kinds: { "pause-leader": 4, "isolate-leader": 4, "link-weather": 3, "one-way": 1, transfer: 1 },
    bend: (shape, random) => ({
      ...nervous(shape, random),
      members: random.pick([3, 3, 3, 5]),
      keys: random.between(1, 3),
      thinkMeanMs: Math.round((shape.clients / 60) * 1000),
    }),
  },
  writes: {
    weight: 2,
    mix: { put: 40, compareAndSet: 10 },
    kinds: { "crash-leader": 2, "crash-at-call": 2 },
  },
  contention: {
    weight: 2,
    mix: { compareAndSet: 25, get: 15, put: 8 },
    kinds: { partition: 2, transfer: 2 },
    bend: (shape, random) => {
      const clients = random.between(3, 8);
      return {
        clients,
        keys: random.between(1, 2),
        thinkMeanMs: (shape.thinkMeanMs / shape.clients) * clients,
      };
    },
  },
  compaction: {
    weight: 2,
    mix: { delete: 12, deleteRange: 5, compact: 5, getAtRevision: 6 },
    kinds: { "crash-at-call": 2 },
  },
  snapshots: {
    weight: 3,
    mix: { put: 30, delete: 6, compact: 2 },
    kinds: {
      crash: 3,
      "crash-at-call": 4,
      "crash-leader": 2,
      "isolate-leader": 3,
      partial: 2,
      pause: 2,
      flap: 2,
      "reset-connections": 3,
      "disk-weather": 2,
      "strike-install": 4,
      transfer: 2,
    },
    // Where messages get lost transfers break, and are resumed.
    bend: (shape, random) => ({
      ...(random.chance(0.5) ? nervous(shape, random) : {}),
      network: { ...shape.network, lossChance: random.pick([0, 0.001, 0.01]) },
    }),
  },
  membership: {
    weight: 4,
    mix: { changeMembership: 1.5, transfer: 0.6 },
    kinds: { "change-membership": 8, "strike-change": 2, "bootstrap-again": 2, transfer: 2 },
    spare: [1, 3],
  },
  elections: {
    weight: 1,
    mix: { put: 30 },
    kinds: {
      "isolate-leader": 4,
      "crash-leader": 3,
      "crash-at-call": 3,
      partition: 3,
      partial: 2,
      "one-way": 1,
      "crash-all": 2,
      "freeze-disk": 3,
      flap: 2,
      "reset-connections": 3,
    },
    bend: (shape, random) => ({
      ...nervous(shape, random),
      ...slowDisk(shape, random),
      ...longLogs(shape, random),
    }),
  },
  durability: {
    weight: 1,
    mix: { put: 40, compareAndSet: 10 },
    kinds: { "crash-all": 3, crash: 3, "crash-at-call": 4, "disk-weather": 2, "fail-flush": 3 },
    bend: (shape, random) => ({ ...slowDisk(shape, random), members: random.pick([1, 1, 2, 3, 3]) }),
  },
  joint: {
    weight: 1,
    mix: { put: 20, get: 20, changeMembership: 1.5 },
    kinds: {
      "change-membership": 10,
      "strike-change": 6,
      "hasty-change": 2,
      "isolate-leader": 3,
      "crash-leader": 2,
      partition: 3,
      partial: 1,
      "one-way": 1,
      "crash-at-call": 2,
    },
    spare: [2, 3],
    bend: (shape, random) => ({
      ...nervous(shape, random),
      ...longLogs(shape, random),
      members: random.between(1, 4),
    }),
  },
  damage: {
    weight: 2,
    kinds: {
      "flip-bit": 6,
      wipe: 3,
      "lose-log": 2,
      "old-copy": 3,
      "fail-read": 2,
      "fail-flush": 2,
      "replace-lost": 4,
      crash: 3,
      "crash-at-call": 2,
    },
    // A store that is lost comes back from the log where that is whole, else from a peer.
    bend: ({ limits }, random) => ({
      members: random.pick([3, 3, 4, 5]),
      limits: {
        ...limits,
        logRetainedEntries: random.pick([0, 10, 20_000]),
        compactionMarginEntries: random.pick([0, 5, 128]),
      },
    }),
  },
  forwarding: {
    weight: 1,
    mix: { put: 20, compareAndSet: 15, get: 10 },
    kinds: {
      "reset-connections": 5,
      "link-weather": 3,
      "isolate-leader": 2,
      "pause-leader": 2,
      "crash-leader": 2,
      transfer: 2,
    },
    bend: (_, random) => ({ members: random.pick([3, 3, 5]), keys: random.between(1, 4) }),
  },
  transfers: {
    weight: 1,
    mix: { put: 25, compareAndSet: 10, transfer: 3 },
    kinds: { transfer: 10, "one-way": 2, partition: 2, pause: 2, "link-weather": 2 },
    bend: (shape, random) => ({ ...nervous(shape, random), members: random.pick([3, 3, 5]) }),
  },
  /** An operator looks after the cluster: nobody else changes who is a member, or resets what was removed. */
  operator: {
    weight: 3,
    mix: { changeMembership: 0 },
    // A replica whose disk its peers refuse as an old copy does not say so, and nobody replaces it.
    kinds: { "change-membership": 0, "replace-lost": 0, "old-copy": 0, crash: 2, wipe: 1 },
    spare: [1, 3],
    bend: (shape, random) => ({
      ...nervous(shape, random),
      members: random.pick([1, 2, 3, 3, 3, 3, 4, 5]),
      operator: {
        replaceAfterSeconds: random.pick([10, 30, 60]),
        catchUpDeadlineSeconds: random.pick([15, 60, 300]),
        whenScaled: random.pick(["Retain", "Delete"]),
        attachable: random.chance(0.3),
      },
    }),
  },
};
