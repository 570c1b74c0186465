import type { Exposition } from "./exposition.ts";

export interface DefinedMetric {
  readonly name: string;
  readonly type: string;
  readonly labels?: Readonly<Record<string, readonly string[] | string>>;
}

/** The values that a label may have which is bounded by what there is: members, methods, stores. */
export type ValuesThatThereAre = Readonly<Record<string, (label: string, value: string) => boolean>>;

/** What is wrong with the labels of a page: names that are not defined, and values beyond their bound. */
export function labelViolations(
  page: Exposition,
  definitions: readonly DefinedMetric[],
  thereAre: ValuesThatThereAre,
): string[] {
  const violations = new Set<string>();
  for (const { name, type, labels = {} } of definitions) {
    const wanted = Object.keys(labels).sort().join();
    for (const sample of page.of(name)) {
      const { le, ...own } = sample.labels;
      if (le !== undefined && type !== "histogram") violations.add(`${name} has the label le`);
      if (Object.keys(own).sort().join() !== wanted) {
        violations.add(`${name} has the labels ${Object.keys(own)}, and is to have ${wanted}`);
      }
      for (const [label, value] of Object.entries(own)) {
        const bound = labels[label];
        const isBounded =
          bound !== undefined &&
          (typeof bound === "string" ? (thereAre[bound]?.(label, value) ?? false) : bound.includes(value));
        if (!isBounded) violations.add(`${name}{${label}="${value}"} is beyond its bound`);
      }
    }
  }
  return [...violations];
}
