import { LineLimiter } from "./line-limiter.ts";
import type { FieldValue, Message, MessageLevel } from "./messages/message.ts";

export type MessageTable = Readonly<Record<string, Message>>;

/** The fields of a message as a call site gives them. */
export type MessageFields<Table extends MessageTable, Id extends keyof Table> = {
  readonly [Name in keyof Table[Id]["fields"]]: Name extends "err" ? unknown : FieldValue;
};

export type ShownFields = Readonly<Record<string, string | number | boolean>>;

export type WriteLine = (
  level: MessageLevel,
  fields: Readonly<Record<string, unknown>>,
  text: string,
) => void;

/** A message that passed its limit, as it was recorded. */
export interface RecordedMessage<Id> {
  readonly id: Id;
  readonly level: MessageLevel;
  readonly text: string;
  readonly fields: ShownFields;
  /** Those like this one that were left out before it. */
  readonly suppressed: number;
}

export interface MessageLogOptions<Table extends MessageTable> {
  readonly table: Table;
  readonly write: WriteLine;
  /** Lines of this level and above are written. */
  readonly level: MessageLevel | "trace" | "silent";
  readonly nowMs?: () => number;
  /** Told of what is more than debugging, whether it is written or not. */
  readonly recorded?: (message: RecordedMessage<keyof Table>) => void;
}

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

/** A table of messages at work: bounded lines by stable ids, and those that repeat once in a while. */
export class MessageLog<Table extends MessageTable> {
  readonly #options: MessageLogOptions<Table>;
  readonly #lowest: number;
  readonly #nowMs: () => number;
  readonly #limiters = new Map<keyof Table, LineLimiter>();

  constructor(options: MessageLogOptions<Table>) {
    this.#options = options;
    this.#lowest = severity[options.level];
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /** Whether debug lines are written: on a hot path ask before making their fields. */
  get isDebug(): boolean {
    return this.#lowest <= severity.debug;
  }

  record<Id extends keyof Table>(id: Id, given: MessageFields<Table, Id>): void {
    const { table, write, recorded } = this.#options;
    const message = table[id]!;
    const isWritten = severity[message.level] >= this.#lowest;
    const isTold = recorded !== undefined && message.level !== "debug";
    if (!isWritten && !isTold) return;
    const { err, ...rest } = given as Readonly<Record<string, unknown>>;
    const fields = shownFields(rest as Readonly<Record<string, FieldValue>>);
    const suppressed = this.#admit(id, message, fields);
    if (suppressed === undefined) return;
    const text = fillIn(message.text, fields);
    if (isTold) recorded({ id, level: message.level, text, fields, suppressed });
    if (!isWritten) return;
    const line = {
      msgId: id,
      ...fields,
      ...(suppressed > 0 && { suppressed }),
      ...(err !== undefined && { err }),
    };
    write(message.level, line, text);
  }

  #admit(id: keyof Table, { repeats }: Message, fields: ShownFields): number | undefined {
    if (repeats === undefined) return 0;
    let limiter = this.#limiters.get(id);
    if (limiter === undefined) {
      limiter = new LineLimiter(repeats.everyMs);
      this.#limiters.set(id, limiter);
    }
    return limiter.admit(repeats.by.map((name) => fields[name]).join(" "), this.#nowMs());
  }
}

function shownFields(fields: Readonly<Record<string, FieldValue>>): ShownFields {
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

function fillIn(text: string, fields: ShownFields): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => bounded(String(fields[name] ?? "")));
}
