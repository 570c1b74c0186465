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

export function dashboardUid(name: DashboardSpec["name"]): string {
  return `rstore-${name}`;
}

/** As Grafana's JSON. Each one links to the others, with the time range and the variables that they share. */
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
    .withVariable(new DatasourceVariableBuilder("datasource").label("Data source").type("prometheus"))
    .link(
      new DashboardLinkBuilder("rstore")
        .type(DashboardLinkType.Dashboards)
        .tags([tag])
        .asDropdown(false)
        .includeVars(true)
        .keepTime(true),
    );
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
  return numbered(builder.build());
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
