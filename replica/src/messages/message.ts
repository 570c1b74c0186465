export const messageLevels = ["debug", "info", "warn", "error", "fatal"] as const;
export type MessageLevel = (typeof messageLevels)[number];

/** What a field may hold: names, counts, positions; never a key or a value of the store. */
export type FieldValue = string | number | bigint | boolean | undefined;

export interface Message {
  readonly level: MessageLevel;
  /** Shown to people; `{name}` stands for a field. */
  readonly text: string;
  /** What each field means. `err` is an error with its stack, which only the log shows. */
  readonly fields: Readonly<Record<string, string>>;
  /** Lines alike in the fields `by` are written this often at most; the next tells how many were left out. */
  readonly repeats?: { readonly everyMs: number; readonly by: readonly string[] };
  readonly meaning: string;
  /** What whoever runs it does about it. */
  readonly action: string;
}

/** Keeps the names of ids and fields, so that a call site that invents one does not compile. */
export function defineMessages<const Table extends Readonly<Record<string, Message>>>(table: Table): Table {
  return table;
}

export const NOTHING_TO_DO = "Nothing.";
export const HALF_A_MINUTE_MS = 30_000;
