import type { Builder } from "@grafana/grafana-foundation-sdk/cog";
import { TableCellDisplayMode } from "@grafana/grafana-foundation-sdk/common";
import {
  type DynamicConfigValue,
  FieldColorBuilder,
  FieldColorModeId,
  type Panel,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder, PromQueryFormat } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder } from "@grafana/grafana-foundation-sdk/table";
import { frame, mappings, prometheus, refId, thresholds } from "./panel-frame.ts";
import type { Column, TableSpec } from "./panel-spec.ts";

/** One row for each set of key labels; the queries' values become its columns. */
export function buildTable(spec: TableSpec): Builder<Panel> {
  const builder = frame(new PanelBuilder(), spec)
    .targets(
      spec.columns.map(({ expr }, at) =>
        new DataqueryBuilder()
          .datasource(prometheus)
          .refId(refId(at))
          .expr(expr)
          .format(PromQueryFormat.Table)
          .instant(),
      ),
    )
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
    .filterable(true);
  builder.withTransformation({ id: "merge", options: {} });
  builder.withTransformation({ id: "organize", options: arrangement(spec) });
  for (const column of spec.columns) builder.overrideByName(column.title, columnProperties(column));
  const [firstKey] = Object.values(spec.keys);
  if (spec.link !== undefined) {
    const { title, url } = spec.link;
    for (const key of Object.values(spec.keys)) {
      builder.overrideByName(key, [{ id: "links", value: [{ title, url }] }]);
    }
  }
  return builder.sortBy([{ build: () => ({ displayName: firstKey!, desc: false }) }]);
}

/** Grafana calls the value of query A "Value #A", or "Value" when it is the only one. */
function arrangement({ keys, columns }: TableSpec) {
  const values = columns.map(({ title }, at) => [
    columns.length === 1 ? "Value" : `Value #${refId(at)}`,
    title,
  ]);
  const names = [...Object.entries(keys), ...values] as [string, string][];
  return {
    excludeByName: { Time: true },
    indexByName: Object.fromEntries(names.map(([name], at) => [name, at])),
    renameByName: Object.fromEntries(names),
  };
}

function columnProperties({ unit, decimals, steps, values }: Column): DynamicConfigValue[] {
  const properties: DynamicConfigValue[] = [];
  if (unit !== undefined) properties.push({ id: "unit", value: unit });
  if (decimals !== undefined) properties.push({ id: "decimals", value: decimals });
  if (values !== undefined) properties.push({ id: "mappings", value: mappings(values) });
  if (steps !== undefined) properties.push({ id: "thresholds", value: thresholds(steps).build() });
  if (steps !== undefined || values !== undefined) {
    properties.push({ id: "custom.cellOptions", value: { type: TableCellDisplayMode.ColorText } });
  }
  return properties;
}
