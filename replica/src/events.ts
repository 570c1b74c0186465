import { MessageLog, type RecordedMessage, type WriteLine } from "./message-log.ts";
import type { MessageLevel } from "./messages/message.ts";
import { type FieldsOf, type MessageId, messages } from "./messages/messages.ts";
import { requestMessages } from "./messages/request-messages.ts";

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

/** Events that are kept. What slow disks and busy clients bring once a second drives nothing else out. */
const eventsMax = { ofRequests: 50, repeated: 200, others: 200 } as const;

/** The log of a replica, and the last events for the console. */
export class ReplicaEvents implements Logger {
  readonly #log: MessageLog<typeof messages>;
  readonly #events: ReplicaEvent[] = [];
  readonly #counts = { ofRequests: 0, repeated: 0, others: 0 };

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

  /** The last events of each kind, oldest first. */
  get recent(): readonly ReplicaEvent[] {
    return this.#events;
  }

  record<Id extends MessageId>(id: Id, fields: FieldsOf<Id>): void {
    this.#log.record(id, fields);
  }

  #keep(event: ReplicaEvent): void {
    const kind = kindOf(event);
    if (this.#counts[kind] < eventsMax[kind]) this.#counts[kind] += 1;
    else
      this.#events.splice(
        this.#events.findIndex((kept) => kindOf(kept) === kind),
        1,
      );
    this.#events.push(event);
  }
}

function kindOf({ id }: ReplicaEvent): keyof typeof eventsMax {
  if (id in requestMessages) return "ofRequests";
  return "repeats" in messages[id] ? "repeated" : "others";
}
