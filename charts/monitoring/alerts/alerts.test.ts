import { describe, expect, it } from "vitest";
import { recordingGroup, rulesFile } from "../render/rules.ts";
import { firingTests, quietTests, unitTests } from "../testing/alert-test.ts";
import { promtool, promtoolMissing } from "../testing/promtool.ts";
import { realTiming } from "../timing.ts";
import { type AlertGroup, alertGroups, allAlerts } from "./alert-groups.ts";

const missing = promtoolMissing();
if (missing !== undefined) console.warn(missing);

const alerts = allAlerts(realTiming);

/** Of one group at a time, with what is recorded for it: promtool evaluates all that it is given. */
function run(group: string, tests: readonly object[]) {
  const rules = rulesFile(realTiming, [recordingGroup, `rstore.${group}`]);
  return promtool(["test", "rules", "test.yaml"], { "rules.yaml": rules, "test.yaml": unitTests(tests) });
}

async function expectSuccess(group: string, tests: readonly object[]): Promise<void> {
  const { ok, output } = await run(group, tests);
  expect(output).toContain("SUCCESS");
  expect(ok).toBe(true);
}

describe("alerts", () => {
  it("have names of their own", () => {
    const names = alerts.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThanOrEqual(20);
    for (const name of names) expect(name).toMatch(/^Rstore([A-Z][a-z]+)+$/);
  });

  it("have summaries of labels, without values, so that notifications group", () => {
    for (const { name, summary } of alerts) expect(summary, name).not.toMatch(/\$value|query/);
  });

  it("have descriptions that say which store, replica or operator, or how much", () => {
    for (const { name, description } of alerts) expect(description, name).toMatch(/\$value|\$labels|query/);
  });
});

describe.skipIf(missing !== undefined)("promtool", () => {
  it("accepts the rules", async () => {
    const { ok, output } = await promtool(["check", "rules", "rules.yaml"], {
      "rules.yaml": rulesFile(realTiming),
    });
    expect(output).toContain("SUCCESS");
    expect(ok).toBe(true);
  });

  it.each(alertGroups(realTiming))(
    "$name: each alert fires, and says what it should",
    ({ name, alerts: group }) => expectSuccess(name, group.flatMap(firingTests)),
  );

  it.each(alertGroups(realTiming))("$name: no alert fires without reason", ({ name, alerts: group }) =>
    expectSuccess(name, group.flatMap(quietTests)),
  );

  it("notices an alert that does not fire, and one that does", async () => {
    const [{ name, alerts: group }] = alertGroups(realTiming) as [AlertGroup];
    const alert = group[0]!;
    const { fires, quiet } = alert;
    expect((await run(name, firingTests({ ...alert, fires: { ...fires, ...quiet } }))).ok).toBe(false);
    expect((await run(name, quietTests({ ...alert, quiet: fires }))).ok).toBe(false);
  });
});
