import Table from "cli-table3";

const noLines = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};

/** Columns for people: headings in capitals, no lines, so that it also goes through cut and awk. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const columns = new Table({
    head: head.map((text) => text.toUpperCase()),
    chars: noLines,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0, compact: true },
  });
  columns.push(...rows.map((row) => [...row]));
  return columns
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

/** One JSON document in one line. Revisions, indices and counts are numbers, ids are strings of 16 digits. */
export function json(value: unknown): string {
  return JSON.stringify(value, (_key, entry: unknown) =>
    typeof entry === "bigint" ? numberFrom(entry) : entry,
  );
}

/** Exact up to 2^53; beyond it a string. */
function numberFrom(value: bigint): number | string {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value.toString();
}

const units = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

export function bytesText(bytes: bigint): string {
  let value = Number(bytes);
  let unit = 0;
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
