import { stringify } from "yaml";
import type { Alert, RecordingRule } from "../alerts/alert.ts";
import { alertGroups } from "../alerts/alert-groups.ts";
import { recordingRules } from "../alerts/recording-rules.ts";
import type { Timing } from "../timing.ts";

/** In the repository; the chart adds a runbook_url when monitoring.rules.runbookUrl says where the pages are. */
export function runbookPage(alert: string): string {
  return `docs/runbooks/${alert}.md`;
}

export const recordingGroup = "rstore.recording";

export interface RuleGroup {
  readonly name: string;
  readonly rules: readonly object[];
}

export function ruleGroups(timing: Timing): RuleGroup[] {
  return [
    { name: recordingGroup, rules: recordingRules(timing).map(renderRecording) },
    ...alertGroups(timing).map(({ name, alerts }) => ({
      name: `rstore.${name}`,
      rules: alerts.map(renderAlert),
    })),
  ];
}

/** A rules file as Prometheus loads it; of these groups alone, or of all. */
export function rulesFile(timing: Timing, only?: readonly string[]): string {
  const groups = ruleGroups(timing).filter(({ name }) => only === undefined || only.includes(name));
  return stringify({ groups }, { lineWidth: 0, aliasDuplicateObjects: false });
}

function renderRecording({ record, expr }: RecordingRule): object {
  return { record, expr };
}

function renderAlert(alert: Alert): object {
  return {
    alert: alert.name,
    expr: alert.expr,
    ...(alert.for !== undefined && { for: alert.for }),
    labels: { severity: alert.severity },
    annotations: {
      summary: alert.summary,
      description: alert.description,
      runbook: runbookPage(alert.name),
    },
  };
}
