import type { Logger } from "../log.ts";
import type { DiskReport, DiskSpace } from "../storage/disk-space.ts";
import { ReplicaError } from "./replica-api.ts";

/** Looks at the disk from time to time and says what may still be written (B11). */
export class DiskWatch {
  readonly #space: DiskSpace;
  readonly #log: Logger;

  constructor(space: DiskSpace, log: Logger) {
    this.#space = space;
    this.#log = log;
  }

  get report(): DiskReport {
    return this.#space.report;
  }

  async check(): Promise<void> {
    const before = this.report.state;
    const { state, reason, freeBytes } = await this.#space.check();
    if (state === before) return;
    if (state === "ok") {
      this.#log.record("disk.ok", { before, freeBytes });
      return;
    }
    const id = state === "full" ? "disk.full" : "disk.low";
    this.#log.record(id, { problem: this.problem(), before, cause: reason, freeBytes });
  }

  /** Why puts are refused; undefined when they are not. */
  problem(): string | undefined {
    const { state, reason } = this.report;
    if (state === "ok") return undefined;
    return reason === "quota"
      ? "the store has reached its quota (--quota-bytes): delete keys and compact, or raise it"
      : "the disk is almost full: delete keys and compact, or give the disk more room";
  }

  /** What a put is told while there is no room. */
  refusal(): ReplicaError {
    return new ReplicaError("no-space", this.problem() ?? "", {
      outcome: "not-applied",
      detail: { subject: this.report.reason === "quota" ? "quotaBytes" : "disk" },
    });
  }
}
