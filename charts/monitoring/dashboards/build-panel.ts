import type { Builder } from "@grafana/grafana-foundation-sdk/cog";
import {
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  GraphGradientMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  ScaleDistribution,
  ScaleDistributionConfigBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from "@grafana/grafana-foundation-sdk/common";
import { FieldColorBuilder, FieldColorModeId, type Panel } from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as StateTimelineBuilder } from "@grafana/grafana-foundation-sdk/statetimeline";
import { PanelBuilder as TimeSeriesBuilder } from "@grafana/grafana-foundation-sdk/timeseries";
import { buildTable } from "./build-table.ts";
import { frame, prometheus, refId } from "./panel-frame.ts";
import type { PanelQuery, PanelSpec, StateTimelineSpec, StatSpec, TimeSeriesSpec } from "./panel-spec.ts";

export function buildPanel(spec: PanelSpec): Builder<Panel> {
  switch (spec.kind) {
    case "time-series":
      return buildTimeSeries(spec);
    case "stat":
      return buildStat(spec);
    case "state-timeline":
      return buildStateTimeline(spec);
    case "table":
      return buildTable(spec);
  }
}

function rangeQueries(queries: readonly PanelQuery[]): DataqueryBuilder[] {
  return queries.map(({ expr, legend }, at) =>
    new DataqueryBuilder().datasource(prometheus).refId(refId(at)).expr(expr).legendFormat(legend).range(),
  );
}

function instantQueries(queries: readonly PanelQuery[]): DataqueryBuilder[] {
  return queries.map(({ expr, legend }, at) =>
    new DataqueryBuilder().datasource(prometheus).refId(refId(at)).expr(expr).legendFormat(legend).instant(),
  );
}

function buildTimeSeries(spec: TimeSeriesSpec): Builder<Panel> {
  const builder = frame(new TimeSeriesBuilder(), spec)
    .targets(rangeQueries(spec.queries))
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.PaletteClassic))
    .lineWidth(1)
    .fillOpacity(spec.stacked === true ? 30 : 8)
    .gradientMode(GraphGradientMode.None)
    .showPoints(VisibilityMode.Never)
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true),
    );
  if (spec.stacked === true) builder.stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
  if (spec.logarithmic === true) {
    builder.scaleDistribution(new ScaleDistributionConfigBuilder().type(ScaleDistribution.Log).log(10));
  }
  for (const [at, { negative }] of spec.queries.entries()) {
    if (negative !== true) continue;
    builder.overrideByQuery(refId(at), [{ id: "custom.transform", value: "negative-Y" }]);
  }
  return builder;
}

function buildStat(spec: StatSpec): Builder<Panel> {
  const withGraph = spec.withGraph === true;
  return frame(new StatBuilder(), spec)
    .targets(withGraph ? rangeQueries(spec.queries) : instantQueries(spec.queries))
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
    .graphMode(withGraph ? BigValueGraphMode.Area : BigValueGraphMode.None)
    .colorMode(
      spec.steps === undefined && spec.values === undefined
        ? BigValueColorMode.None
        : BigValueColorMode.Value,
    )
    .textMode(spec.showsName === true ? BigValueTextMode.Name : BigValueTextMode.Auto)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(["lastNotNull"]).values(false));
}

function buildStateTimeline(spec: StateTimelineSpec): Builder<Panel> {
  return frame(new StateTimelineBuilder(), spec)
    .targets(rangeQueries(spec.queries))
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
    .mergeValues(true)
    .showValue(VisibilityMode.Auto)
    .rowHeight(0.8)
    .fillOpacity(70)
    .lineWidth(0)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(false),
    );
}
