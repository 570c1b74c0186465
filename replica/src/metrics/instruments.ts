import { assert } from "../assert.ts";
import type { CountedDefinition, LabelValues, Sample, ScrapedDefinition } from "./definition.ts";

/** What prom-client's registry asks of a metric. */
export interface Instrument {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  get(): Promise<InstrumentState>;
}

interface InstrumentState {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly values: readonly Sample[];
  readonly aggregator: "sum";
}

type LabelNames = Readonly<Record<string, LabelValues>>;

/** Labels as a definition bounds them: of a closed list its values only. */
export type LabelsOf<Names> = {
  readonly [Name in keyof Names]: Names[Name] extends readonly (infer Value)[] ? Value : string;
};

/*
 * prom-client's own counters and histograms hash their labels on every observation, which costs about as much
 * as decoding a small request. These are plain numbers that are turned into samples when they are scraped.
 */

export class Count {
  value = 0;

  increment(by = 1): void {
    this.value += by;
  }
}

export class Distribution {
  readonly bounds: readonly number[];
  readonly counts: Float64Array;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const { bounds } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]!) bucket++;
    this.counts[bucket]! += 1;
    this.sum += value;
  }
}

/** Children by their labels. With closed lists alone all of them are there from the start, at zero. */
export class Family<Names, Child> {
  readonly #names: readonly string[];
  readonly #values: LabelNames;
  readonly #create: () => Child;
  readonly #children = new Map<string, { readonly labels: Readonly<Record<string, string>>; child: Child }>();

  constructor(names: LabelNames, create: () => Child) {
    this.#values = names;
    this.#names = Object.keys(names);
    this.#create = create;
    for (const labels of combinations(names)) this.labels(labels as LabelsOf<Names>);
  }

  /** The child for these labels, made on first use; keep it where it is used often. */
  labels(labels: LabelsOf<Names>): Child {
    const given = labels as Readonly<Record<string, string>>;
    const id = this.#names.map((name) => given[name]).join("\u0000");
    const known = this.#children.get(id);
    if (known !== undefined) return known.child;
    this.#assertBounded(given);
    const child = this.#create();
    this.#children.set(id, { labels: given, child });
    return child;
  }

  *[Symbol.iterator](): Iterator<{ readonly labels: Readonly<Record<string, string>>; child: Child }> {
    yield* this.#children.values();
  }

  #assertBounded(labels: Readonly<Record<string, string>>): void {
    for (const [name, values] of Object.entries(this.#values)) {
      const value = labels[name];
      assert(value !== undefined, `a sample without its label ${name}`);
      if (typeof values !== "string") assert(values.includes(value), `${value} is no value of label ${name}`);
    }
  }
}

function combinations(names: LabelNames): Record<string, string>[] {
  return Object.entries(names).reduce<Record<string, string>[]>(
    (all, [name, values]) =>
      typeof values === "string"
        ? []
        : all.flatMap((labels) => values.map((value) => ({ ...labels, [name]: value }))),
    [{}],
  );
}

type ChildOf<D> = D extends { readonly type: "histogram" } ? Distribution : Count;
type InstrumentOf<D> = D extends { readonly labels: infer Names } ? Family<Names, ChildOf<D>> : ChildOf<D>;

/** What feeds the counted metrics of these definitions: one instrument for each, by the same name. */
export type Instruments<Definitions> = {
  readonly [Name in keyof Definitions]: InstrumentOf<Definitions[Name]>;
};

export function createInstruments<const Definitions extends Record<string, CountedDefinition>>(
  definitions: Definitions,
): Instruments<Definitions> {
  const made = Object.entries(definitions).map(([name, definition]) => [name, instrumentOf(definition)]);
  return Object.fromEntries(made) as Instruments<Definitions>;
}

function instrumentOf(definition: CountedDefinition): Count | Distribution | Family<unknown, unknown> {
  const { type, buckets = [], labels } = definition;
  const create = () => (type === "histogram" ? new Distribution(buckets) : new Count());
  return labels === undefined ? create() : new Family(labels, create);
}

/** Shows what was counted. */
export class Counted implements Instrument {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "histogram";
  readonly #instrument: Count | Distribution | Family<unknown, unknown>;

  constructor(definition: CountedDefinition, instrument: Count | Distribution | Family<unknown, unknown>) {
    this.name = definition.name;
    this.help = definition.help;
    this.type = definition.type;
    this.#instrument = instrument;
  }

  async get(): Promise<InstrumentState> {
    const values: Sample[] = [];
    const instrument = this.#instrument;
    if (instrument instanceof Family) {
      for (const { labels, child } of instrument) {
        pushSamples(this.name, labels, child as Count | Distribution, values);
      }
    } else {
      pushSamples(this.name, {}, instrument, values);
    }
    return { name: this.name, help: this.help, type: this.type, values, aggregator: "sum" };
  }
}

function pushSamples(
  name: string,
  labels: Readonly<Record<string, string>>,
  child: Count | Distribution,
  into: Sample[],
): void {
  if (child instanceof Count) {
    into.push({ labels, value: child.value });
    return;
  }
  let count = 0;
  for (let i = 0; i < child.counts.length; i++) {
    count += child.counts[i]!;
    const le = child.bounds[i] ?? "+Inf";
    into.push({ labels: { ...labels, le }, value: count, metricName: `${name}_bucket` });
  }
  into.push({ labels, value: child.sum, metricName: `${name}_sum` });
  into.push({ labels, value: count, metricName: `${name}_count` });
}

/** A gauge or counter whose samples are read when it is scraped. */
export class Scraped<Reading> implements Instrument {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly #read: () => readonly Sample[];

  /** `reading` is undefined while there is nothing to read from: no samples. */
  constructor(definition: ScrapedDefinition<Reading>, reading: () => Reading | undefined) {
    this.name = definition.name;
    this.help = definition.help;
    this.type = definition.type;
    this.#read = () => {
      const current = reading();
      const read = current === undefined ? undefined : definition.read(current);
      return typeof read === "number" ? [{ labels: {}, value: read }] : (read ?? []);
    };
  }

  async get(): Promise<InstrumentState> {
    const values = this.#read();
    return { name: this.name, help: this.help, type: this.type, values, aggregator: "sum" };
  }
}
