/** One query of a panel, in PromQL with the dashboard's variables. */
export interface PanelQuery {
  readonly expr: string;
  /** Grafana's legend format: `{{replica}}`. */
  readonly legend: string;
  /** Its series go below the axis, as in "sent" above and "received" below. */
  readonly negative?: boolean;
}

export type Tone = "green" | "yellow" | "orange" | "red" | "blue" | "purple" | "text";

/** From this value on, in the panel's unit; `null` for the lowest. */
export interface Step {
  readonly from: number | null;
  readonly tone: Tone;
}

export interface ValueName {
  readonly value: number;
  readonly text: string;
  readonly tone: Tone;
}

interface PanelBase {
  readonly title: string;
  /** What it shows, what is normal, and where to look next. */
  readonly description: string;
  /** Said when there are no series. */
  readonly noData: string;
  /** Of 24 columns. */
  readonly width: number;
  readonly height: number;
  /** One of Grafana's units: `s`, `bytes`, `reqps`. */
  readonly unit?: string;
  readonly decimals?: number;
  readonly min?: number;
  readonly max?: number;
  readonly steps?: readonly Step[];
  readonly values?: readonly ValueName[];
}

export interface TimeSeriesSpec extends PanelBase {
  readonly kind: "time-series";
  readonly queries: readonly PanelQuery[];
  readonly stacked?: boolean;
  readonly logarithmic?: boolean;
}

export interface StatSpec extends PanelBase {
  readonly kind: "stat";
  readonly queries: readonly PanelQuery[];
  /** With the course of the time range behind the number. */
  readonly withGraph?: boolean;
  /** The text is the series' name instead of its value. */
  readonly showsName?: boolean;
}

export interface StateTimelineSpec extends PanelBase {
  readonly kind: "state-timeline";
  readonly queries: readonly PanelQuery[];
  readonly values: readonly ValueName[];
}

/** A column of a table: one instant query, joined with the others by the table's key labels. */
export interface Column {
  readonly title: string;
  readonly expr: string;
  readonly unit?: string;
  readonly decimals?: number;
  readonly steps?: readonly Step[];
  readonly values?: readonly ValueName[];
}

export interface TableSpec extends PanelBase {
  readonly kind: "table";
  /** Labels that name a row, with the titles of their columns. */
  readonly keys: Readonly<Record<string, string>>;
  readonly columns: readonly Column[];
  /** Where a row leads: a path of Grafana with `${__data.fields.store}` and the like. */
  readonly link?: { readonly title: string; readonly url: string };
}

export type PanelSpec = TimeSeriesSpec | StatSpec | StateTimelineSpec | TableSpec;

export interface RowSpec {
  readonly title: string;
  readonly collapsed?: boolean;
  readonly panels: readonly PanelSpec[];
}
