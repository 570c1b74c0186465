export interface MetricSample {
  /** As written: of a histogram with _bucket, _sum or _count. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One page in Prometheus' text format. */
export class Exposition {
  readonly text: string;
  readonly samples: readonly MetricSample[];
  /** By the name of the metric. */
  readonly types: ReadonlyMap<string, string>;

  constructor(text: string) {
    const lines = text.split("\n");
    this.text = text;
    this.samples = lines.filter((line) => line !== "" && !line.startsWith("#")).map(sampleFrom);
    this.types = new Map(
      lines
        .filter((line) => line.startsWith("# TYPE "))
        .map((line) => line.split(" "))
        .map(([, , name, type]) => [name!, type!]),
    );
  }

  /** Samples of a metric, of a histogram all of its own. */
  of(metric: string): MetricSample[] {
    const names = this.types.get(metric) === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
    return this.samples.filter(({ name }) => names.some((suffix) => name === `${metric}${suffix}`));
  }

  /** The sum over all samples that have these labels; undefined: there are none. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    const found = this.samples.filter(
      (sample) =>
        sample.name === name &&
        Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
    );
    return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
  }
}

export async function scrape(metricsUrl: string): Promise<Exposition> {
  const response = await fetch(`${metricsUrl}/metrics`);
  if (response.status !== 200) throw new Error(`${metricsUrl}/metrics answered ${response.status}`);
  return new Exposition(await response.text());
}

function sampleFrom(line: string): MetricSample {
  const [, name, inner, value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  if (name === undefined || value === undefined) throw new Error(`not a sample: ${line}`);
  const labels: Record<string, string> = {};
  for (const [, label, text] of (inner ?? "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
    labels[label!] = text!.replaceAll(/\\(.)/g, (_, character) => (character === "n" ? "\n" : character));
  }
  return { name, labels, value: value === "+Inf" ? Number.POSITIVE_INFINITY : Number(value) };
}
