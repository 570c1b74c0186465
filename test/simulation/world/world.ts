import type { Coverage } from "./coverage.ts";
import { EventQueue, type QueuedEvent } from "./event-queue.ts";
import { drainMicrotasks } from "./microtasks.ts";
import { Random } from "./random.ts";
import { TraceHash } from "./trace-hash.ts";

/** A property of the store did not hold. */
export interface Violation {
  /** In kebab-case, as in docs/testing.md: `election-safety`, `linearizable`, `converges`, … */
  readonly property: string;
  readonly message: string;
  readonly atUs: number;
  readonly step: number;
}

export interface WorldOptions {
  readonly seed: number;
  readonly coverage: Coverage;
  /** Takes the lines of the transcript; undefined: none are made. */
  readonly transcript: ((line: string) => void) | undefined;
}

/**
 * Time, chance and the order of everything that happens: one queue of events, run one after another, each to
 * its end with all the promises that it settles. The same seed gives the same run.
 */
export class World {
  readonly seed: number;
  readonly coverage: Coverage;
  /** Microseconds since the run began. */
  nowUs = 0;
  /** Events run so far. */
  steps = 0;
  violation: Violation | undefined;
  readonly #queue = new EventQueue();
  readonly #hash = new TraceHash();
  readonly #transcript: WorldOptions["transcript"];
  #sequence = 0;

  constructor({ seed, coverage, transcript }: WorldOptions) {
    this.seed = seed;
    this.coverage = coverage;
    this.#transcript = transcript;
  }

  /** A stream of chance of its own: what draws from one does not move the others. */
  random(stream: string): Random {
    return new Random(this.seed, stream);
  }

  /** Calls back once, after so many microseconds; the answer cancels. Equal times keep the order of the calls. */
  at(delayUs: number, callback: () => void): () => void {
    this.#sequence += 1;
    const event: QueuedEvent = {
      atUs: this.nowUs + Math.max(0, Math.round(delayUs)),
      sequence: this.#sequence,
      run: callback,
    };
    this.#queue.push(event);
    return () => {
      event.run = undefined;
    };
  }

  /** Runs the next event; false when there is none before `untilUs`, and then it is that time. */
  step(untilUs: number): boolean {
    for (;;) {
      const next = this.#queue.peek();
      if (next === undefined || next.atUs > untilUs) {
        this.nowUs = untilUs;
        return false;
      }
      this.#queue.pop();
      const { run } = next;
      if (run === undefined) continue;
      this.nowUs = next.atUs;
      this.steps += 1;
      run();
      drainMicrotasks();
      return true;
    }
  }

  /** Makes what happened part of the trace hash; `kind` of `Happening`, the rest whatever tells runs apart. */
  note(kind: number, a: number, b = 0): void {
    this.#hash.mix(kind, this.nowUs, a, b);
  }

  /** Two runs with the same hash noted the same things at the same times. */
  get traceHash(): string {
    return this.#hash.value;
  }

  /** Whether anybody reads what `say` is given. */
  get isTranscribed(): boolean {
    return this.#transcript !== undefined;
  }

  /** A line of the transcript; the text is made only when somebody reads it. */
  say(who: string, text: () => string): void {
    this.#transcript?.(`${(this.nowUs / 1e6).toFixed(6).padStart(12)} ${who.padEnd(8)} ${text()}`);
  }

  /** A property was broken: the run ends after this event. The first one counts. */
  fail(property: string, message: string): void {
    if (this.violation !== undefined) return;
    this.violation = { property, message, atUs: this.nowUs, step: this.steps };
    this.say("VIOLATED", () => `${property}: ${message}`);
  }
}
