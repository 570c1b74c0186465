export type Severity = "critical" | "warning" | "info";

/** Series in promtool's notation, one sample a minute from 0 on, by name with labels. */
export type InputSeries = Readonly<Record<string, string>>;

interface Case {
  readonly series: InputSeries;
  /** When it is asked: `10m`. */
  readonly at: string;
}

export interface FiringCase extends Case {
  /** Of the one alert that fires, without its name and severity. */
  readonly labels: Readonly<Record<string, string>>;
  /** Its description, with the values. */
  readonly says: string;
}

export interface Alert {
  /** Its runbook page has the same name. */
  readonly name: string;
  /** critical: somebody is woken; warning: somebody looks today; info: to be known. */
  readonly severity: Severity;
  readonly expr: string;
  readonly for?: string;
  /** One line with labels and no values, so that notifications group. */
  readonly summary: string;
  /** With values, in Prometheus' templates. */
  readonly description: string;
  readonly fires: FiringCase;
  /** More in which it fires. */
  readonly alsoFires?: readonly FiringCase[];
  /** Near the limit, on the right side of it. */
  readonly quiet: Case;
  /** More in which it does not fire. */
  readonly alsoQuiet?: readonly Case[];
}

export interface RecordingRule {
  /** `level:metric:operations`. */
  readonly record: string;
  readonly expr: string;
}
