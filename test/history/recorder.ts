import type { Input, Operation, Output } from "./operation.ts";

/** Collects operations; `now` gives the clock that their order is judged by. */
export class Recorder {
  readonly operations: Operation[] = [];
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Records one operation around the call that does it. The call must not throw. */
  async record(client: number, input: Input, call: () => Promise<Output>): Promise<Output> {
    const invoked = this.#now();
    const output = await call();
    const returned = output.type === "unknown" ? Number.POSITIVE_INFINITY : this.#now();
    this.operations.push({ client, input, output, invoked, returned });
    return output;
  }
}
