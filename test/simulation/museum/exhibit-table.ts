import type { Exhibit } from "./exhibit.ts";

/** As a table of Markdown: mutation, faults, property, seeds needed, seconds. */
export function exhibitTable(exhibits: readonly Exhibit[]): string {
  const rows = exhibits.map(({ mutation, caught }) => [
    mutation.name,
    mutation.faults.join(", "),
    mutation.file,
    caught.property ?? "**not caught**",
    `${caught.seeds}`,
    caught.seconds.toFixed(1),
  ]);
  const lines = [["mutation", "faults", "file", "property", "seeds", "seconds"], rule, ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

const rule = ["---", "---", "---", "---", "--:", "--:"];

const BEGIN = "<!-- museum:begin -->";
const END = "<!-- museum:end -->";

/** Puts the table between its marks. Throws when they are missing. */
export function withTable(document: string, table: string): string {
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`the document lacks ${BEGIN} and ${END}`);
  return `${document.slice(0, begin + BEGIN.length)}\n${table}\n${document.slice(end)}`;
}
