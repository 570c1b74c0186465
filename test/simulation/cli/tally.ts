import { Coverage } from "../world/coverage.ts";
import type { Outcome } from "./job.ts";

/** What all runs so far add up to. */
export class Tally {
  readonly coverage = new Coverage();
  runs = 0;
  failures = 0;
  steps = 0;
  simulatedMs = 0;
  /** Of all workers together. */
  cpuMs = 0;
  lastTraceHash = "";
  /** How often a run had something to remark. */
  readonly notes = new Map<string, number>();

  add({ violation, simulatedMs, steps, coverage, cpuMs, note, traceHash }: Outcome): void {
    this.runs += 1;
    this.lastTraceHash = traceHash;
    if (violation !== undefined) this.failures += 1;
    this.steps += steps;
    this.simulatedMs += simulatedMs;
    this.cpuMs += cpuMs;
    this.coverage.add(coverage);
    if (note !== undefined) this.notes.set(note, (this.notes.get(note) ?? 0) + 1);
  }

  /** Simulated seconds for each second of one core. */
  get speed(): number {
    return this.cpuMs === 0 ? 0 : this.simulatedMs / this.cpuMs;
  }

  summary(): string {
    const failures = this.failures === 1 ? "1 failure" : `${this.failures} failures`;
    return (
      `${this.runs === 1 ? "1 run" : `${this.runs} runs`}, ${formatDuration(this.simulatedMs)} simulated, ` +
      `${this.speed.toFixed(0)} simulated seconds per second and core, ${failures}`
    );
  }
}

export function formatDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${(seconds / 60).toFixed(1)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
