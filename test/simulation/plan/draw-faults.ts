import { Random } from "../world/random.ts";
import type { DrawnShape } from "./draw-shape.ts";
import { type DrawParts, faultDrawers } from "./fault-drawers.ts";
import { pickWeighted } from "./pick-weighted.ts";
import { type Theme, themes } from "./themes.ts";
import type { DrawOptions, Fault, FaultKind, PlannedFault, StoreFaultKind } from "./types.ts";

/** Mean gaps between faults, in ms; a quiet run has none. */
const paces = { quiet: 1, calm: 4, rough: 5, storm: 2 } as const;
const shortPaces = { quiet: 0, calm: 1, rough: 5, storm: 4 } as const;
const gapMeanMs = { calm: 4000, rough: 1200, storm: 300 } as const;

const faultsMax = 400;

/**
 * The faults of a run, in order of time. Each run knows only some kinds (swarm testing, Groce et al., ISSTA
 * 2012): what two kinds bring about together, a third often hides.
 */
export function drawFaults(
  seed: number,
  { shape, theme }: DrawnShape,
  { isShort = false }: DrawOptions = {},
): PlannedFault[] {
  const random = new Random(seed, "faults");
  const pace = pickWeighted(random, isShort ? shortPaces : paces);
  if (pace === "quiet") return [];
  const weights = drawWeights(random, theme);
  const isLookedAfter = shape.operator !== undefined;
  const parts: DrawParts = {
    random,
    shape,
    // Of a fault that lasts: long enough for an election at times, never the whole run.
    lastMs: () => Math.round(Math.min(20 + random.exponential(lastMeanMs), shape.durationMs / 2)),
  };
  const lastMeanMs = random.pick([200, 800, 2500]);
  const faults: PlannedFault[] = [];
  let atMs = 0;
  for (;;) {
    // Bursts: what comes right after another fault meets the cluster at its weakest.
    const mean = random.chance(0.25) ? 30 : gapMeanMs[pace];
    atMs += Math.ceil(random.exponential(mean));
    if (atMs >= shape.durationMs || faults.length >= faultsMax) break;
    const fault = faultDrawers[pickWeighted(random, weights)](parts);
    if (fault === undefined) continue;
    faults.push({ atMs, fault });
    if (destructive.has(fault.kind) && !isLookedAfter) faults.push(...drawReplacements(random, atMs));
    if (fault.kind === "old-copy" && fault.remembered) faults.push(...drawForgetting(random, atMs, fault));
  }
  return faults.filter((planned) => planned.atMs < shape.durationMs).sort((a, b) => a.atMs - b.atMs);
}

/**
 * Where an old copy does harm if its peers let it: one of them lags, and whoever does not leaves them alone
 * with it.
 */
function drawForgetting(
  random: Random,
  atMs: number,
  { slot, ageMs, downMs }: Extract<Fault, { kind: "old-copy" }>,
): PlannedFault[] {
  const [a, b] = random.shuffle([0, 1, 2].filter((other) => other !== slot));
  const forMs = downMs + ageMs;
  return [
    { atMs: Math.max(0, atMs - Math.floor(ageMs / 3)), fault: { kind: "partial", a: [a!], b: [b!], forMs } },
    { atMs: atMs + Math.floor(downMs / 2), fault: { kind: "isolate-leader", forMs } },
  ];
}

const destructive: ReadonlySet<FaultKind> = new Set<FaultKind>(["wipe", "lose-log", "old-copy", "flip-bit"]);

/** Administrators come soon, come again, or never. */
function drawReplacements(random: Random, atMs: number): PlannedFault[] {
  const count = random.pick([0, 1, 1, 2]);
  return Array.from({ length: count }, () => ({
    atMs: atMs + random.between(500, 8000),
    fault: { kind: "replace-lost" } as const,
  }));
}

function drawWeights(random: Random, theme: Theme): Record<StoreFaultKind, number> {
  const kinds = Object.keys(faultDrawers) as StoreFaultKind[];
  const share = random.pick([0.15, 0.3, 0.5, 1]);
  const bent = themes[theme].kinds ?? {};
  const weights = Object.fromEntries(
    kinds.map((kind) => {
      if (bent[kind] !== undefined) return [kind, bent[kind]];
      return [kind, random.chance(share) ? random.pick([1, 1, 1, 3]) : 0];
    }),
  ) as Record<StoreFaultKind, number>;
  if (Object.values(weights).every((weight) => weight === 0)) weights[random.pick(kinds)] = 1;
  return weights;
}
