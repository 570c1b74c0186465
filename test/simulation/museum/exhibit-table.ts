import type { Exhibit } from "./exhibit.ts";
import { faultCoverage } from "./fault-coverage.ts";
import type { Mutation } from "./mutation.ts";

/** Three tables of Markdown: what was caught, what no simulation sees, and which fault has which mutations. */
export function museumSection(exhibits: readonly Exhibit[], all: readonly Mutation[]): string {
  const caught = exhibits.filter((one) => one.caught.property !== undefined).length;
  const outside = all.flatMap((mutation) => {
    const { name, faults, outsideOfSimulation: reason } = mutation;
    return reason === undefined ? [] : [[name, faults.join(", "), fileOf(mutation), reason]];
  });
  return [
    `${caught} of ${exhibits.length} mutations were caught.`,
    exhibitTable(exhibits),
    "Left to the tests of their own package, since no property of a whole cluster depends on them:",
    table(["mutation", "faults", "file", "why"], outside),
    "Faults of consensus and disks, and the mutations that lead to them:",
    table(["fault", "mutations"], faultCoverage(all)),
  ].join("\n\n");
}

/** Mutation, faults, property, seeds needed, seconds of processor time. */
export function exhibitTable(exhibits: readonly Exhibit[]): string {
  const rows = exhibits.map(({ mutation, caught }) => [
    mutation.name,
    mutation.faults.join(", "),
    fileOf(mutation),
    caught.property ?? "**not caught**",
    `${caught.seeds}`,
    caught.seconds.toFixed(1),
  ]);
  const rule = ["---", "---", "---", "---", "--:", "--:"];
  return table(["mutation", "faults", "file", "property", "seeds", "seconds"], rows, rule);
}

function fileOf({ root, file }: Mutation): string {
  return root === undefined ? file : `${root}/${file}`;
}

function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  rule: readonly string[] = head.map(() => "---"),
): string {
  return [head, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

const BEGIN = "<!-- museum:begin -->";
const END = "<!-- museum:end -->";

/** Puts the section between its marks. Throws when they are missing. */
export function withSection(document: string, section: string): string {
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`the document lacks ${BEGIN} and ${END}`);
  return `${document.slice(0, begin + BEGIN.length)}\n\n${section}\n\n${document.slice(end)}`;
}
