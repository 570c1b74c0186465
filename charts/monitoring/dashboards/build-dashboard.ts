import {
  AnnotationQueryBuilder,
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { buildPanel } from "./build-panel.ts";
import type { AnnotationSpec, DashboardSpec, VariableSpec } from "./dashboard-spec.ts";
import { prometheus } from "./panel-frame.ts";

const tag = "rstore";

type Name = DashboardSpec["name"];

const pages: readonly { readonly name: Name; readonly title: string }[] = [
  { name: "fleet", title: "Fleet" },
  { name: "store", title: "Store" },
  { name: "operator", title: "Operator" },
  { name: "nodejs", title: "Node.js process" },
];

/**
 * Where the variables of one page mean the same on another: the namespace of an operator is not that of a store, and
 * several namespaces are too many for the page of one store.
 */
const understands: Readonly<Record<Name, readonly Name[]>> = {
  fleet: ["nodejs"],
  store: ["fleet", "nodejs"],
  operator: [],
  nodejs: [],
};

export function dashboardUid(name: Name): string {
  return `rstore-${name}`;
}

/** As Grafana's JSON. Each one links to the others, with the time range. */
export function buildDashboard(spec: DashboardSpec): Dashboard {
  const builder = new DashboardBuilder(spec.title)
    .uid(dashboardUid(spec.name))
    .description(spec.description)
    .tags([tag])
    .editable()
    .timezone("browser")
    .refresh("30s")
    .time({ from: "now-1h", to: "now" })
    .tooltip(DashboardCursorSync.Crosshair)
    .annotations([])
    .withVariable(new DatasourceVariableBuilder("datasource").label("Data source").type("prometheus"));
  for (const to of pages) if (to.name !== spec.name) builder.link(buildLink(spec.name, to));
  for (const variable of spec.variables) builder.withVariable(buildVariable(variable));
  for (const annotation of spec.annotations) builder.annotation(buildAnnotation(annotation));
  for (const { title, collapsed, panels } of spec.rows) {
    const row = new RowBuilder(title);
    if (collapsed === true) {
      row.collapsed(true);
      for (const panel of panels) row.withPanel(buildPanel(panel));
    }
    builder.withRow(row);
    if (collapsed !== true) for (const panel of panels) builder.withPanel(buildPanel(panel));
  }
  return inSight(numbered(builder.build()));
}

function buildLink(from: Name, { name, title }: (typeof pages)[number]): DashboardLinkBuilder {
  return new DashboardLinkBuilder(title)
    .type(DashboardLinkType.Link)
    .url(`/d/${dashboardUid(name)}`)
    .icon("dashboard")
    .includeVars(understands[from].includes(name))
    .keepTime(true);
}

function buildVariable({ name, label, query, multiple }: VariableSpec): QueryVariableBuilder {
  const builder = new QueryVariableBuilder(name)
    .label(label)
    .datasource(prometheus)
    .query(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.NaturalAsc)
    .multi(multiple)
    .includeAll(multiple);
  // ".+" would lose series that lack the label, as an operator's lack a store.
  return multiple
    ? builder.allValue(".*").current({ text: "All", value: "$__all", selected: true })
    : builder;
}

function buildAnnotation({ name, expr, title, text, tone }: AnnotationSpec): AnnotationQueryBuilder {
  return new AnnotationQueryBuilder()
    .name(name)
    .datasource(prometheus)
    .enable(true)
    .iconColor(tone)
    .expr(expr)
    .step("60s")
    .titleFormat(title)
    .textFormat(text);
}

/** Panels are known by number: links and repeated edits need that to be the same each time. */
function numbered(dashboard: Dashboard): Dashboard {
  let next = 1;
  for (const panel of dashboard.panels ?? []) {
    panel.id = next++;
    if ("panels" in panel) for (const inner of panel.panels ?? []) inner.id = next++;
  }
  return dashboard;
}

/** The library would put links and annotations into a menu that newer versions of Grafana hide. */
function inSight(dashboard: Dashboard): Dashboard {
  for (const link of dashboard.links ?? []) delete link.placement;
  for (const annotation of dashboard.annotations?.list ?? []) delete annotation.placement;
  return dashboard;
}
