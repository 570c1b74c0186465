/**
 * What keeps the number of a label's values small: a closed list, or what there is at a time. `store`: the
 * ReplicatedStores that there are, series of deleted ones vanish. `self`: one value in the life of a process.
 */
export type LabelValues = readonly string[] | "store" | "self";

/** Everything that a metric is, but for where its values come from. */
export interface Definition {
  readonly name: string;
  readonly help: string;
  readonly type: "gauge" | "counter" | "histogram";
  readonly labels?: Readonly<Record<string, LabelValues>>;
  /** Of a histogram: inclusive upper bounds, ascending. */
  readonly buckets?: readonly number[];
}

/** Counted as it happens. */
export interface CountedDefinition extends Definition {
  readonly type: "counter" | "histogram";
}

export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Read when it is scraped; a number is one sample without further labels, undefined none. */
export interface ScrapedDefinition<Reading> extends Definition {
  readonly type: "gauge";
  readonly read: (reading: Reading) => number | readonly Sample[] | undefined;
}

export function flag(value: boolean): number {
  return value ? 1 : 0;
}
