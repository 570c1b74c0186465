import type { ScheduleRandom } from "./schedule-random.ts";
import type { MemberId, Message } from "./types.ts";

/** How a link treats messages while a step of the schedule runs. Delays are in rounds. */
export interface NetworkQuality {
  readonly dropChance: number;
  readonly duplicateChance: number;
  /** Of a message to be late by up to `lateMaxRounds` instead of `delayMaxRounds`: it is overtaken. */
  readonly lateChance: number;
  readonly delayMaxRounds: number;
  readonly lateMaxRounds: number;
}

export const networkQualities: readonly NetworkQuality[] = [
  { dropChance: 0, duplicateChance: 0, lateChance: 0, delayMaxRounds: 1, lateMaxRounds: 1 },
  { dropChance: 0.02, duplicateChance: 0.02, lateChance: 0.05, delayMaxRounds: 2, lateMaxRounds: 12 },
  { dropChance: 0.2, duplicateChance: 0.1, lateChance: 0.2, delayMaxRounds: 4, lateMaxRounds: 40 },
];

interface Flight {
  readonly message: Message;
  readonly due: number;
}

/** Messages on their way, and which links are cut. Knows nothing of Raft but from and to. */
export class ScheduleNetwork {
  #flights: Flight[] = [];
  readonly #cut = new Set<string>();
  quality: NetworkQuality = networkQualities[0]!;

  get underWay(): number {
    return this.#flights.length;
  }

  cut(from: MemberId, to: MemberId): void {
    this.#cut.add(link(from, to));
  }

  heal(): void {
    this.#cut.clear();
  }

  isCut(from: MemberId, to: MemberId): boolean {
    return this.#cut.has(link(from, to));
  }

  /** Forgets what is under way, as when every connection is reset. */
  clear(): void {
    this.#flights = [];
  }

  /** Returns whether the message will arrive at all. */
  send(message: Message, now: number, random: ScheduleRandom): boolean {
    const { dropChance, duplicateChance } = this.quality;
    if (this.isCut(message.from, message.to) || random.chance(dropChance)) return false;
    this.#flights.push({ message, due: now + this.#delay(random) });
    // A snapshot is fetched over a stream, once.
    if (message.type !== "InstallSnapshot" && random.chance(duplicateChance)) {
      this.#flights.push({ message, due: now + this.#delay(random) });
    }
    return true;
  }

  #delay(random: ScheduleRandom): number {
    const { lateChance, delayMaxRounds, lateMaxRounds } = this.quality;
    return 1 + random.below(random.chance(lateChance) ? lateMaxRounds : delayMaxRounds);
  }

  /** Takes what has arrived, those under `held` members excepted; a link cut meanwhile does not recall it. */
  arrivals(now: number, held: ReadonlySet<MemberId>): Message[] {
    const arrived: Message[] = [];
    const rest: Flight[] = [];
    for (const flight of this.#flights) {
      if (flight.due <= now && !held.has(flight.message.to)) arrived.push(flight.message);
      else rest.push(flight);
    }
    this.#flights = rest;
    return arrived;
  }
}

function link(from: MemberId, to: MemberId): string {
  return `${from}>${to}`;
}
