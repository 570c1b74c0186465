/** How a figure is shown; the name of a column is the name of the field. */
export type Row = Readonly<Record<string, string | number>>;

export interface Report {
  readonly title: string;
  readonly rows: readonly Row[];
}

export type OutputFormat = "table" | "json";

/** A table for people as soon as it is there, or one JSON document a report for programs. */
export function print(report: Report, format: OutputFormat): void {
  console.log(format === "json" ? JSON.stringify(report) : tableOf(report));
}

function tableOf({ title, rows }: Report): string {
  const columns = Object.keys(rows[0] ?? {});
  const cells = [columns, ...rows.map((row) => columns.map((column) => shown(row[column]!)))];
  const widths = columns.map((_, at) => Math.max(...cells.map((line) => line[at]!.length)));
  const lines = cells.map((line) =>
    line.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join("  "),
  );
  return ["", title, ...lines].join("\n");
}

function shown(value: string | number): string {
  if (typeof value === "string" || Number.isInteger(value)) return value.toLocaleString("en");
  return value.toFixed(value < 10 ? 2 : 1);
}
