/**
 * What keeps the number of a label's values small: a closed list, or what there is at a time. `peer`: members of
 * the configuration, `store`: ReplicatedStores, series of others vanish. `method`: of the services in `proto/`.
 * `self`: one value in the life of a process.
 */
export type LabelValues = readonly string[] | "peer" | "store" | "method" | "self";

/** Everything that a metric is, but for where its values come from. */
export interface Definition {
  readonly name: string;
  readonly help: string;
  readonly type: "gauge" | "counter" | "histogram";
  readonly labels?: Readonly<Record<string, LabelValues>>;
  /** Of a histogram: inclusive upper bounds, ascending. */
  readonly buckets?: readonly number[];
}

/** Counted as it happens: whoever feeds it holds its instrument. */
export interface CountedDefinition extends Definition {
  readonly type: "counter" | "histogram";
}

/** One sample as prom-client's registry writes it. */
export interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly metricName?: string;
}

/** Read when it is scraped. */
export interface ScrapedDefinition<Reading> extends Definition {
  readonly type: "gauge" | "counter";
  /** A number is the one sample without labels; undefined: none. */
  readonly read: (reading: Reading) => number | readonly Sample[] | undefined;
}

export function flag(value: boolean): number {
  return value ? 1 : 0;
}

/** One sample for each value of the label: 1 for those that hold. */
export function stateSamples(
  label: string,
  values: readonly string[],
  holds: (value: string) => boolean,
): Sample[] {
  return values.map((value) => ({ labels: { [label]: value }, value: flag(holds(value)) }));
}
