/** A step can't be carried out as planned any more: look again. */
export class StepOutdatedError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "StepOutdatedError";
  }
}
