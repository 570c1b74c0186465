import type { RowSpec } from "./panel-spec.ts";

/** A variable that the user chooses from the values of a label. */
export interface VariableSpec {
  readonly name: string;
  readonly label: string;
  /** Grafana's `label_values(series, label)`. */
  readonly query: string;
  /** Several at once, and all of them by default. */
  readonly multiple: boolean;
}

export interface AnnotationSpec {
  readonly name: string;
  readonly expr: string;
  readonly title: string;
  readonly text: string;
  readonly tone: "blue" | "orange" | "purple" | "red";
}

export interface DashboardSpec {
  /** Of the file, and with `rstore-` before it the uid, by which links know it. */
  readonly name: "fleet" | "store" | "operator" | "nodejs";
  readonly title: string;
  readonly description: string;
  readonly variables: readonly VariableSpec[];
  readonly annotations: readonly AnnotationSpec[];
  readonly rows: readonly RowSpec[];
}
