import { MessageLog, type RecordedMessage, type WriteLine } from "./message-log.ts";
import type { MessageLevel } from "./messages/message.ts";
import { type FieldsOf, type MessageId, messages } from "./messages/messages.ts";

export type { WriteLine } from "./message-log.ts";

/** What every part of a replica writes to: one line, and for what is not only for debugging one event. */
export interface Logger {
  record<Id extends MessageId>(id: Id, fields: FieldsOf<Id>): void;
  /** Whether debug lines are written: on a hot path ask before making their fields. */
  readonly isDebug: boolean;
}

/** Something that happened, as the console shows it. Holds no keys or values. */
export interface ReplicaEvent extends RecordedMessage<MessageId> {
  /** Wall-clock milliseconds since 1970. */
  readonly atMs: number;
}

interface ReplicaEventsOptions {
  readonly write: WriteLine;
  /** Lines of this level and above are written. */
  readonly level: MessageLevel | "trace" | "silent";
  readonly nowMs?: () => number;
  readonly wallMs?: () => number;
}

/** Events that are kept. */
const EVENTS_MAX = 200;

/** The log of a replica, and the last events for the console. */
export class ReplicaEvents implements Logger {
  readonly #log: MessageLog<typeof messages>;
  readonly #events: ReplicaEvent[] = [];

  constructor({ wallMs = Date.now, ...options }: ReplicaEventsOptions) {
    this.#log = new MessageLog({
      ...options,
      table: messages,
      recorded: (message) => this.#keep({ atMs: wallMs(), ...message }),
    });
  }

  get isDebug(): boolean {
    return this.#log.isDebug;
  }

  /** The last events, oldest first. */
  get recent(): readonly ReplicaEvent[] {
    return this.#events;
  }

  record<Id extends MessageId>(id: Id, fields: FieldsOf<Id>): void {
    this.#log.record(id, fields);
  }

  #keep(event: ReplicaEvent): void {
    if (this.#events.length >= EVENTS_MAX) this.#events.shift();
    this.#events.push(event);
  }
}
