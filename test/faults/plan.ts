import { randomFrom } from "../history/random.ts";

/** Whom a fault hits: the leader of the moment, or a number of replicas by their places in a shuffled list. */
export interface Victims {
  readonly leader: boolean;
  readonly count: number;
  /** Where the choice among the others begins, in [0, 1). */
  readonly choice: number;
}

export type Fault =
  /** SIGKILL, and a start after a while. */
  | { readonly type: "kill"; readonly victims: Victims }
  /** SIGKILL twice: the second hits it while it recovers. */
  | { readonly type: "kill-again"; readonly victims: Victims }
  | { readonly type: "kill-all" }
  /** SIGSTOP and SIGCONT. */
  | { readonly type: "pause"; readonly victims: Victims }
  /** SIGTERM and a start. */
  | { readonly type: "restart"; readonly victims: Victims }
  /** Both directions between the victims and the others. */
  | { readonly type: "partition"; readonly victims: Victims }
  /** One direction only: what the victims send is lost, or what they should hear. */
  | { readonly type: "one-way"; readonly victims: Victims; readonly direction: "out" | "in" }
  /** The two halves see each other only through one replica. */
  | { readonly type: "bridge"; readonly victims: Victims }
  /** Links are cut one by one in random order and healed in another (swizzle-clogging). */
  | { readonly type: "swizzle"; readonly order: readonly number[] }
  | { readonly type: "reset-connections" }
  | { readonly type: "transfer" };

export interface Step {
  readonly fault: Fault;
  readonly holdMs: number;
  readonly calmMs: number;
}

export interface PlanOptions {
  readonly seed: number;
  readonly replicas: number;
  readonly durationMs: number;
}

/** A plan of faults from one seed. What it hits depends on who leads then; the rest is the same each time. */
export function planFaults({ seed, replicas, durationMs }: PlanOptions): Step[] {
  const random = randomFrom(seed);
  const steps: Step[] = [];
  let plannedMs = 0;
  while (plannedMs < durationMs) {
    const holdMs = Math.round(300 + 2_700 * random() ** 2);
    const calmMs = Math.round(200 + 1_300 * random());
    steps.push({ fault: drawFault(random, replicas), holdMs, calmMs });
    plannedMs += holdMs + calmMs;
  }
  return steps;
}

/** How often each kind is drawn, relative to the others. */
const weights: readonly [Fault["type"], number][] = [
  ["kill", 5],
  ["kill-again", 2],
  ["kill-all", 1],
  ["pause", 4],
  ["restart", 1],
  ["partition", 3],
  ["one-way", 3],
  ["bridge", 1],
  ["swizzle", 1],
  ["reset-connections", 1],
  ["transfer", 1],
];

function drawFault(random: () => number, replicas: number): Fault {
  const minority = Math.floor((replicas - 1) / 2);
  const victims = (max = minority): Victims => ({
    leader: random() < 0.6,
    count: 1 + Math.floor(random() * max),
    choice: random(),
  });
  const type = drawType(random);
  switch (type) {
    case "kill-all":
    case "reset-connections":
    case "transfer":
      return { type };
    case "one-way":
      return { type, victims: victims(), direction: random() < 0.5 ? "out" : "in" };
    case "swizzle":
      return { type, order: Array.from({ length: 2 * replicas }, random) };
    case "kill":
    case "kill-again":
    case "pause":
    case "restart":
    case "partition":
    case "bridge":
      return { type, victims: victims() };
  }
}

function drawType(random: () => number): Fault["type"] {
  let left = random() * weights.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [type, weight] of weights) {
    left -= weight;
    if (left < 0) return type;
  }
  return "kill";
}

export function describeStep({ fault, holdMs }: Step): string {
  const victims =
    "victims" in fault ? ` ${fault.victims.count}${fault.victims.leader ? " with the leader" : ""}` : "";
  const direction = fault.type === "one-way" ? ` ${fault.direction}` : "";
  return `${fault.type}${direction}${victims} for ${holdMs} ms`;
}
