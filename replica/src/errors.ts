/** Why the process ends; each has its own exit code, documented in docs/reference/exit-codes.md. */
export const exitCodes = {
  ok: 0,
  internal: 1,
  invalidConfiguration: 64,
  directoryLocked: 70,
  wrongDirectory: 71,
  directoryUnusable: 72,
  corruptLog: 73,
  corruptStore: 74,
  diskFailed: 75,
  diskFull: 76,
  unknownFormat: 77,
  unknownCommand: 78,
  addressInUse: 79,
  diverged: 80,
} as const;

export type FatalReason = Exclude<keyof typeof exitCodes, "ok">;

/** The replica cannot go on. Nothing is retried in the same process. */
export class FatalError extends Error {
  readonly reason: FatalReason;

  constructor(reason: FatalReason, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "FatalError";
    this.reason = reason;
  }

  get exitCode(): number {
    return exitCodes[this.reason];
  }
}
