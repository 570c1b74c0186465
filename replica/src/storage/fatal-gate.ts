import { FatalError, type FatalReason } from "../errors.ts";

/**
 * The one way in which storage ends the process. After the first failure every later commit of both
 * environments is refused with it; while the directory is being opened errors are only thrown.
 */
export class FatalGate {
  readonly #onFatal: (error: FatalError) => void;
  #armed = false;
  #failure: FatalError | undefined;

  constructor(onFatal: (error: FatalError) => void) {
    this.#onFatal = onFatal;
  }

  arm(): void {
    this.#armed = true;
  }

  get failure(): FatalError | undefined {
    return this.#failure;
  }

  /** The error to throw or to reject with. */
  raise(reason: FatalReason, message: string, cause?: unknown): FatalError {
    if (this.#failure) return this.#failure;
    const error = new FatalError(reason, message, { cause });
    if (this.#armed) {
      this.#failure = error;
      this.#onFatal(error);
    }
    return error;
  }
}
