import type { Fault, PlannedFault } from "./types.ts";

/** One line, for people: `   1250 ms  partition side=[0,2] forMs=800`. */
export function describePlanned({ atMs, fault }: PlannedFault): string {
  return `${String(atMs).padStart(8)} ms  ${describeFault(fault)}`;
}

export function describeFault(fault: Fault): string {
  const { kind, ...rest } = fault;
  const fields = Object.entries(rest).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return [kind, ...fields].join(" ");
}
