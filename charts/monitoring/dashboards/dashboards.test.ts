import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { allAlerts } from "../alerts/alert-groups.ts";
import { recordingRules } from "../alerts/recording-rules.ts";
import { promtool, promtoolMissing } from "../testing/promtool.ts";
import { realTiming } from "../timing.ts";
import { buildDashboard, dashboardUid } from "./build-dashboard.ts";
import type { DashboardSpec } from "./dashboard-spec.ts";
import { dashboards } from "./dashboards.ts";
import type { PanelSpec } from "./panel-spec.ts";

const missing = promtoolMissing();
if (missing !== undefined) console.warn(missing);

function panelsOf({ rows }: DashboardSpec): readonly PanelSpec[] {
  return rows.flatMap(({ panels }) => panels);
}

function queriesOf(panel: PanelSpec): readonly string[] {
  return panel.kind === "table"
    ? panel.columns.map(({ expr }) => expr)
    : panel.queries.map(({ expr }) => expr);
}

const allQueries = dashboards.flatMap((spec) => [
  ...panelsOf(spec).flatMap(queriesOf),
  ...spec.annotations.map(({ expr }) => expr),
]);

describe.each(dashboards)("$title", (spec) => {
  const json = JSON.stringify(buildDashboard(spec));

  it("says of each panel what it shows, and what it means when it is empty", () => {
    for (const { title, description, noData } of panelsOf(spec)) {
      expect(description.length, title).toBeGreaterThan(10);
      expect(noData, title).toMatch(/\w/);
    }
  });

  it("has panels with titles of their own, so that documents can name them", () => {
    const titles = panelsOf(spec).map(({ title }) => title);
    expect(titles.filter((title, at) => titles.indexOf(title) !== at)).toEqual([]);
  });

  it("fills each line of panels to the end", () => {
    for (const { title, panels } of spec.rows) {
      let columns = 0;
      for (const { width } of panels) {
        expect((columns % 24) + width, title).toBeLessThanOrEqual(24);
        columns += width;
      }
    }
  });

  it("names colours of Grafana's palette only, which has them for light and dark", () => {
    expect(json).not.toMatch(/#[0-9a-f]{3,8}\b|rgba?\(/i);
  });

  it("gives each panel a number of its own, the same each time", () => {
    const ids = [...JSON.stringify(buildDashboard(spec)).matchAll(/"id":(\d+)/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(JSON.stringify(buildDashboard(spec))).toBe(json);
  });

  it("uses no variable that it does not have", () => {
    const known = new Set(["datasource", ...spec.variables.map(({ name }) => name)]);
    const used = [...json.matchAll(/\$(\w+)/g)].map(([, name]) => name!);
    for (const name of used.filter((one) => !one.startsWith("__"))) expect(known).toContain(name);
  });

  it("leads to the other pages", () => {
    const uids = dashboards.map(({ name }) => dashboardUid(name));
    const links = (buildDashboard(spec).links ?? []).map(({ url }) => url);
    expect(links).toEqual(uids.filter((uid) => uid !== dashboardUid(spec.name)).map((uid) => `/d/${uid}`));
    for (const [, uid] of json.matchAll(/"url":"\/d\/([\w-]+)/g)) expect(uids).toContain(uid);
  });

  it("is what is shipped", () => {
    const shipped = readFileSync(
      new URL(`../../rstore/dashboards/${spec.name}.json`, import.meta.url),
      "utf8",
    );
    expect(JSON.parse(shipped)).toEqual(JSON.parse(json));
  });
});

describe("recording rules", () => {
  const used = [...allQueries, ...allAlerts(realTiming).map(({ expr }) => expr)].join("\n");
  const recorded = recordingRules(realTiming);

  it("are all there that are used", () => {
    const names = recorded.map(({ record }) => record);
    for (const [name] of used.matchAll(/\b(?:store|replica):[\w:]+/g)) expect(names).toContain(name);
  });

  it("are all used", () => {
    const all = used + recorded.map(({ expr }) => expr).join("\n");
    for (const { record } of recorded) expect(all).toContain(record);
  });
});

describe.skipIf(missing !== undefined)("queries of panels", () => {
  it("are PromQL", async () => {
    const rules = allQueries.map((expr, at) => ({
      record: `panel:${at}`,
      expr: expr.replaceAll("$__rate_interval", "5m").replaceAll(/\$\w+/g, "x"),
    }));
    const file = { groups: [{ name: "panels", rules }] };
    const { output } = await promtool(["check", "rules", "rules.yaml"], { "rules.yaml": file });
    expect(output).toContain(`SUCCESS: ${rules.length} rules found`);
  });
});
