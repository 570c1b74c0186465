import type { DiskWeather } from "../disk/types.ts";
import type { LinkWeather } from "../network/types.ts";
import { Random } from "../world/random.ts";
import { pickWeighted } from "./pick-weighted.ts";
import { type Theme, themes } from "./themes.ts";
import type { DrawOptions, OperationMix, Shape, ShapeLimits } from "./types.ts";

const themeWeights = Object.fromEntries(
  Object.entries(themes).map(([theme, { weight }]) => [theme, weight]),
) as Record<Theme, number>;

const memberCounts = { 1: 6, 2: 6, 3: 42, 4: 8, 5: 26, 6: 4, 7: 8 } as const;

export interface DrawnShape {
  readonly shape: Shape;
  readonly theme: Theme;
}

export function drawShape(seed: number, { theme: asked, isShort = false }: DrawOptions = {}): DrawnShape {
  const random = new Random(seed, "shape");
  const theme = asked ?? pickWeighted(random, themeWeights);
  const { spare: [least, most] = [0, 2], bend } = themes[theme];
  const clients = random.between(1, 5);
  const electionTimeoutMs = random.pick([150, 200, 300, 500, 800, 1500]);
  const members = Number(pickWeighted(random, memberCounts));
  const drawn: Shape = {
    members,
    slots: members,
    clients,
    keys: random.pick([2, 4, 8, 20, 60]),
    thinkMeanMs: Math.round((clients / random.pick([5, 15, 30, 60])) * 1000),
    durationMs: isShort ? random.between(5000, 12_000) : drawDuration(random),
    electionTimeoutMs,
    // The replica asks for at least a tick, and for five heartbeats in an election timeout.
    heartbeatIntervalMs: Math.max(10, Math.floor(electionTimeoutMs / random.between(5, 12) / 10) * 10),
    limits: drawLimits(random, theme),
    throughCodecs: random.chance(isShort ? 0.1 : 0.25),
    mix: drawMix(random, theme),
    network: drawCalmNetwork(random),
    disk: drawCalmDisk(random),
  };
  const bent: { -readonly [K in keyof Shape]: Shape[K] } = { ...drawn, ...bend?.(drawn, random) };
  if (bent.throughCodecs) {
    const corruptChance = new Random(seed, "corruption").pick([0, 0.0002, 0.005]);
    bent.network = { ...bent.network, corruptChance };
  }
  return { shape: { ...bent, slots: bent.members + random.between(least, most) }, theme };
}

function drawDuration(random: Random): number {
  const length = random.fraction();
  if (length < 0.65) return random.between(8_000, 25_000);
  if (length < 0.95) return random.between(25_000, 60_000);
  return random.between(60_000, 240_000);
}

/** Each limit by itself is as in production, small, or the smallest that works. */
function drawLimits(random: Random, theme: Theme): ShapeLimits {
  const tiny = theme === "snapshots" ? 0.85 : random.pick([0.2, 0.5, 0.8]);
  const limit = (usual: number, small: readonly number[]): number =>
    random.chance(tiny) ? random.pick(small) : usual;
  return {
    flushBytes: limit(16 * 1024 * 1024, [1, 100, 1000, 10_000]),
    flushIntervalMs: limit(200, [5, 20, 1000, 3000]),
    logRetainedEntries: limit(20_000, [0, 1, 3, 10, 40]),
    logRetainedBytes: limit(64 * 1024 * 1024, [1, 200, 2000, 20_000]),
    logPinnedMaxBytes: limit(512 * 1024 * 1024, [500, 3000, 30_000]),
    compactionMarginEntries: limit(128, [0, 1, 5]),
    appendMaxBytes: limit(1024 * 1024, [1, 150, 1000]),
    inflightMaxMessages: limit(128, [1, 2, 5]),
    entryMaxOperations: limit(4096, [1, 2, 5]),
    snapshotChunkBytes: limit(256 * 1024, [200, 500, 2000]),
    valueMaxBytes: random.pick([8, 40, 200, 1000]),
  };
}

const usualMix: OperationMix = {
  put: 10,
  compareAndSet: 5,
  delete: 2,
  deleteRange: 0.5,
  get: 6,
  getSerializable: 3,
  getAtLeast: 2,
  getAtRevision: 2,
  range: 2,
  compact: 0.5,
  transfer: 0.15,
  changeMembership: 0.15,
};

/** A theme's mix, from which a run leaves some kinds out (swarm testing, Groce et al., ISSTA 2012). */
function drawMix(random: Random, theme: Theme): OperationMix {
  const needs = themes[theme].mix ?? {};
  const mix = { ...usualMix, ...needs };
  const leaveOut = random.pick([0, 0.2, 0.4]);
  const entries = Object.entries(mix).map(([name, weight]) => {
    const needed = name === "put" || name === "get" || name in needs;
    return [name, !needed && random.chance(leaveOut) ? 0 : weight];
  });
  return Object.fromEntries(entries) as OperationMix;
}

function drawCalmNetwork(random: Random): LinkWeather {
  const bad = random.chance(0.4);
  return {
    latencyMinUs: random.pick([50, 200, 1000]),
    latencyMeanUs: random.pick([100, 500, 3000]),
    lossChance: bad ? random.pick([0, 0.001, 0.01]) : 0,
    duplicateChance: bad ? random.pick([0, 0.001, 0.01]) : 0,
    reorderChance: bad ? random.pick([0, 0.001, 0.02]) : 0,
    corruptChance: 0,
    bytesPerSecond: undefined,
  };
}

function drawCalmDisk(random: Random): DiskWeather {
  const flushMinUs = random.pick([30, 100, 1000]);
  return {
    flushMinUs,
    flushMaxUs: flushMinUs * random.pick([1, 3, 20]),
    stallChance: random.chance(0.3) ? 0.003 : 0,
    stallMeanUs: random.pick([20_000, 200_000]),
  };
}
