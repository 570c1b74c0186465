import { LineLimiter } from "./line-limiter.ts";
import type { FieldValue, Message, MessageLevel } from "./messages/message.ts";
import { type FieldsOf, type MessageId, messages } from "./messages/messages.ts";

/** What every part of a replica writes to: one line, and for what is not only for debugging one event. */
export interface Logger {
  record<Id extends MessageId>(id: Id, fields: FieldsOf<Id>): void;
  /** Whether debug lines are written: on a hot path ask before making their fields. */
  readonly isDebug: boolean;
}

/** Something that happened, as the console shows it. Holds no keys or values. */
export interface ReplicaEvent {
  /** Wall-clock milliseconds since 1970. */
  readonly atMs: number;
  readonly id: MessageId;
  readonly level: MessageLevel;
  readonly text: string;
  readonly fields: Readonly<Record<string, string | number | boolean>>;
  /** Events like this one that were left out before it. */
  readonly suppressed: number;
}

export type WriteLine = (
  level: MessageLevel,
  fields: Readonly<Record<string, unknown>>,
  text: string,
) => void;

interface ReplicaEventsOptions {
  readonly write: WriteLine;
  /** Lines of this level and above are written. */
  readonly level: MessageLevel | "trace" | "silent";
  readonly nowMs?: () => number;
  readonly wallMs?: () => number;
}

/** Events that are kept. */
const EVENTS_MAX = 200;
/** Of a field or a text; what comes from outside may be long. */
const TEXT_MAX_CHARACTERS = 1000;

const severity: Readonly<Record<MessageLevel | "trace" | "silent", number>> = {
  trace: 0,
  debug: 1,
  info: 2,
  warn: 3,
  error: 4,
  fatal: 5,
  silent: 6,
};

/** The table of messages at work: log lines for whoever reads them, and the last events for the console. */
export class ReplicaEvents implements Logger {
  readonly #write: WriteLine;
  readonly #lowest: number;
  readonly #nowMs: () => number;
  readonly #wallMs: () => number;
  readonly #events: ReplicaEvent[] = [];
  readonly #limiters = new Map<MessageId, LineLimiter>();

  constructor({ write, level, nowMs, wallMs }: ReplicaEventsOptions) {
    this.#write = write;
    this.#lowest = severity[level];
    this.#nowMs = nowMs ?? (() => performance.now());
    this.#wallMs = wallMs ?? Date.now;
  }

  get isDebug(): boolean {
    return this.#lowest <= severity.debug;
  }

  /** The last events, oldest first. */
  get recent(): readonly ReplicaEvent[] {
    return this.#events;
  }

  record<Id extends MessageId>(id: Id, given: FieldsOf<Id>): void {
    const message: Message = messages[id];
    const isWritten = severity[message.level] >= this.#lowest;
    const isEvent = message.level !== "debug";
    if (!isWritten && !isEvent) return;
    const { err, ...rest } = given as Readonly<Record<string, unknown>>;
    const fields = shownFields(rest as Readonly<Record<string, FieldValue>>);
    const suppressed = this.#admit(id, message, fields);
    if (suppressed === undefined) return;
    const text = fillIn(message.text, fields);
    if (isEvent) this.#keep({ atMs: this.#wallMs(), id, level: message.level, text, fields, suppressed });
    if (!isWritten) return;
    const line = {
      msgId: id,
      ...fields,
      ...(suppressed > 0 && { suppressed }),
      ...(err !== undefined && { err }),
    };
    this.#write(message.level, line, text);
  }

  #admit(id: MessageId, { repeats }: Message, fields: ReplicaEvent["fields"]): number | undefined {
    if (repeats === undefined) return 0;
    let limiter = this.#limiters.get(id);
    if (limiter === undefined) {
      limiter = new LineLimiter(repeats.everyMs);
      this.#limiters.set(id, limiter);
    }
    return limiter.admit(repeats.by.map((name) => fields[name]).join(" "), this.#nowMs());
  }

  #keep(event: ReplicaEvent): void {
    if (this.#events.length >= EVENTS_MAX) this.#events.shift();
    this.#events.push(event);
  }
}

function shownFields(fields: Readonly<Record<string, FieldValue>>): ReplicaEvent["fields"] {
  const shown: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    if (typeof value === "number") shown[name] = Math.round(value * 1000) / 1000;
    else shown[name] = typeof value === "boolean" ? value : bounded(String(value));
  }
  return shown;
}

function bounded(text: string): string {
  return text.length <= TEXT_MAX_CHARACTERS ? text : `${text.slice(0, TEXT_MAX_CHARACTERS)}…`;
}

function fillIn(text: string, fields: ReplicaEvent["fields"]): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => bounded(String(fields[name] ?? "")));
}
