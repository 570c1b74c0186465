import { readdirSync, readFileSync } from "node:fs";

const folder = new URL("../../charts/rstore/dashboards/", import.meta.url);

export interface PanelQuery {
  readonly dashboard: string;
  /** Of the panel, the variable, or the annotation. */
  readonly title: string;
  readonly expr: string;
}

interface Panel {
  readonly title?: string;
  readonly targets?: readonly { readonly expr: string }[];
  readonly panels?: readonly Panel[];
}

export interface Dashboard {
  readonly title: string;
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly annotations: { readonly list: readonly { readonly name: string; readonly expr?: string }[] };
  readonly templating: { readonly list: readonly { readonly name: string; readonly query?: string }[] };
}

/** As they are shipped. */
export function shippedDashboards(): readonly Dashboard[] {
  return readdirSync(folder).map(
    (name) => JSON.parse(readFileSync(new URL(name, folder), "utf8")) as Dashboard,
  );
}

/** Without the rows. */
export function panelsOf({ panels }: Pick<Dashboard, "panels">): readonly Panel[] {
  return panels.flatMap((panel) => [
    ...(panel.targets === undefined ? [] : [panel]),
    ...(panel.panels === undefined ? [] : panelsOf({ panels: panel.panels })),
  ]);
}

/** Of every panel and annotation. */
export function shippedQueries(): readonly PanelQuery[] {
  return shippedDashboards().flatMap((dashboard) => [
    ...panelsOf(dashboard).flatMap(({ title = "", targets = [] }) =>
      targets.map(({ expr }) => ({ dashboard: dashboard.title, title, expr })),
    ),
    ...dashboard.annotations.list.flatMap(({ name, expr }) =>
      expr === undefined ? [] : [{ dashboard: dashboard.title, title: name, expr }],
    ),
  ]);
}

/** As Grafana fills its variables in; ranges of hours and days are cut to what a test has. */
export function filledIn(expr: string, values: Readonly<Record<string, string>>): string {
  return expr
    .replaceAll(/\$(\w+)/g, (whole, name: string) => values[name] ?? whole)
    .replaceAll(/\[(?:1h|3h|1d)\]/g, "[2m]");
}
