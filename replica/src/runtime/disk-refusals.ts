import type { MemberId } from "../raft/types.ts";
import type { Clock } from "./clock.ts";
import type { RuntimeLimits } from "./limits.ts";

/** Whether peers refuse this member's disk as an old copy (B2). They say so again at each attempt to connect. */
export class DiskRefusals {
  readonly #clock: Clock;
  readonly #rememberedMs: number;
  /** Whose disk was refused last: after a reset it is another member's. */
  #self: MemberId | undefined;
  #atMs = 0;

  constructor(clock: Clock, { diskRefusalMs }: RuntimeLimits) {
    this.#clock = clock;
    this.#rememberedMs = diskRefusalMs;
  }

  note(self: MemberId): void {
    this.#self = self;
    this.#atMs = this.#clock.nowMs();
  }

  isRefused(self: MemberId): boolean {
    return this.#self === self && this.#clock.nowMs() - this.#atMs < this.#rememberedMs;
  }
}
