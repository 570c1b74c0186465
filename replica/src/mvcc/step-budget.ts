/** How much a step of a long job may do; a step does at least one record. */
export interface StepBudget {
  readonly maxRecords: number;
  readonly maxBytes: number;
}

/** What is left of a budget. */
export class StepMeter {
  #records: number;
  #bytes: number;

  constructor(budget: StepBudget) {
    this.#records = budget.maxRecords;
    this.#bytes = budget.maxBytes;
  }

  get spent(): boolean {
    return this.#records <= 0 || this.#bytes <= 0;
  }

  spend(bytes: number): void {
    this.#records--;
    this.#bytes -= bytes;
  }
}
