import type { Alert, FiringCase, InputSeries } from "../alerts/alert.ts";
import { runbookPage } from "../render/rules.ts";

interface Expectation {
  readonly series: InputSeries;
  readonly at: string;
  readonly expected: readonly object[];
}

/** promtool's file of unit tests, of rules in `rules.yaml`. */
export function unitTests(tests: readonly object[]): object {
  return { rule_files: ["rules.yaml"], evaluation_interval: "1m", tests };
}

/** In which the alert fires as it says. */
export function firingTests(alert: Alert): object[] {
  return [alert.fires, ...(alert.alsoFires ?? [])].map((fires) => firingTest(alert, fires));
}

function firingTest(alert: Alert, { series, at, labels, says }: FiringCase): object {
  const expected = {
    exp_labels: { severity: alert.severity, ...labels },
    exp_annotations: {
      summary: filledIn(alert.summary, labels),
      description: says,
      runbook: runbookPage(alert.name),
    },
  };
  return unitTest(alert, { series, at, expected: [expected] });
}

/** In which it does not. */
export function quietTests(alert: Alert): object[] {
  return [alert.quiet, ...(alert.alsoQuiet ?? [])].map((quiet) =>
    unitTest(alert, { ...quiet, expected: [] }),
  );
}

function unitTest(alert: Alert, { series, at, expected }: Expectation): object {
  return {
    interval: "1m",
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    alert_rule_test: [{ eval_time: at, alertname: alert.name, exp_alerts: expected }],
  };
}

/** Summaries hold labels only. */
function filledIn(template: string, labels: Readonly<Record<string, string>>): string {
  return template.replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, (_whole, name: string) => labels[name] ?? "");
}
