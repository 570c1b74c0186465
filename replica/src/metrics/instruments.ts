/** One sample as prom-client's registry writes it. */
export interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly metricName?: string;
}

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

export interface Description {
  readonly name: string;
  readonly help: string;
}

type Labels = Readonly<Record<string, string>>;

/*
 * prom-client's own counters and histograms hash their labels on every observation, which costs about as much
 * as decoding a small request. These are plain numbers that are turned into samples when they are scraped.
 */

abstract class Family<Child> {
  readonly name: string;
  readonly help: string;
  abstract readonly type: "counter" | "histogram";
  readonly #children = new Map<string, { readonly labels: Labels; readonly child: Child }>();

  constructor(description: Description) {
    this.name = description.name;
    this.help = description.help;
  }

  /** The child for these labels, made on first use; keep it where it is used often. */
  labels(labels: Labels): Child {
    const id = Object.values(labels).join("\u0000");
    const known = this.#children.get(id);
    if (known) return known.child;
    const child = this.create();
    this.#children.set(id, { labels, child });
    return child;
  }

  async get(): Promise<InstrumentState> {
    const values: Sample[] = [];
    for (const { labels, child } of this.#children.values()) this.sample(child, labels, values);
    return { name: this.name, help: this.help, type: this.type, values, aggregator: "sum" };
  }

  protected abstract create(): Child;
  protected abstract sample(child: Child, labels: Labels, into: Sample[]): void;
}

export class Count {
  value = 0;

  increment(by = 1): void {
    this.value += by;
  }
}

/** A counter with labels; `reason`, `code` and the like, from closed sets. */
export class CounterFamily extends Family<Count> {
  readonly type = "counter" as const;

  protected create(): Count {
    return new Count();
  }

  protected sample(child: Count, labels: Labels, into: Sample[]): void {
    into.push({ labels, value: child.value });
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

/** A histogram with labels; bounds are inclusive upper bounds, ascending. */
export class HistogramFamily extends Family<Distribution> {
  readonly type = "histogram" as const;
  readonly #bounds: readonly number[];

  constructor(description: Description, bounds: readonly number[]) {
    super(description);
    this.#bounds = bounds;
  }

  protected create(): Distribution {
    return new Distribution(this.#bounds);
  }

  protected sample(child: Distribution, labels: Labels, into: Sample[]): void {
    let count = 0;
    for (let i = 0; i < child.counts.length; i++) {
      count += child.counts[i]!;
      const le = this.#bounds[i] ?? "+Inf";
      into.push({ labels: { ...labels, le }, value: count, metricName: `${this.name}_bucket` });
    }
    into.push({ labels, value: child.sum, metricName: `${this.name}_sum` });
    into.push({ labels, value: count, metricName: `${this.name}_count` });
  }
}

/** A gauge or counter whose samples are read when it is scraped. */
export class Scraped implements Instrument {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly #read: () => readonly Sample[];

  constructor(description: Description, type: "counter" | "gauge", read: () => readonly Sample[]) {
    this.name = description.name;
    this.help = description.help;
    this.type = type;
    this.#read = read;
  }

  async get(): Promise<InstrumentState> {
    const values = this.#read();
    return { name: this.name, help: this.help, type: this.type, values, aggregator: "sum" };
  }
}
