import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { eventually } from "../cluster/eventually.ts";
import { freePort } from "../cluster/ports.ts";
import { removeScratch, scratchDirectory, watchProcess } from "../cluster/reaper.ts";

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  /** The sample of an instant query, or those of a range: seconds of the epoch and a number as text. */
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
}

export interface Alert {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly description: string;
}

interface ApiAlert {
  readonly state: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Why Prometheus can't be run; undefined: it can. */
export function prometheusMissing(): string | undefined {
  try {
    execFileSync("prometheus", ["--version"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "prometheus is not installed (Debian: apt-get install prometheus): NO PANEL AND NO ALERT IS TRIED";
  }
}

/** A Prometheus of its own, with a folder and a port of its own. */
export class Prometheus {
  readonly #folder: string;
  readonly #url: string;
  readonly #child: ChildProcess;

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.#url = `http://127.0.0.1:${port}`;
    this.#child = spawn(
      "prometheus",
      [
        `--config.file=${join(folder, "prometheus.yml")}`,
        `--storage.tsdb.path=${join(folder, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    const log = createWriteStream(this.#logFile);
    this.#child.stdout?.pipe(log);
    this.#child.stderr?.pipe(log);
    if (this.#child.pid !== undefined) watchProcess(this.#child.pid);
  }

  /** Scrapes and evaluates each second. */
  static async start(scrapeConfigs: readonly object[], rules: string): Promise<Prometheus> {
    const folder = scratchDirectory("prometheus");
    writeFileSync(join(folder, "rules.yml"), rules);
    const config = {
      global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
      rule_files: ["rules.yml"],
      scrape_configs: scrapeConfigs,
    };
    writeFileSync(join(folder, "prometheus.yml"), stringify(config));
    const prometheus = new Prometheus(folder, await freePort());
    await eventually("Prometheus to be ready", () => prometheus.#isReady(), { timeoutMs: 60_000 });
    return prometheus;
  }

  get #logFile(): string {
    return join(this.#folder, "prometheus.log");
  }

  async #isReady(): Promise<boolean> {
    if (this.#child.exitCode !== null) throw new Error(readFileSync(this.#logFile, "utf8").slice(-2000));
    return (await fetch(`${this.#url}/-/ready`)).ok;
  }

  query(expr: string): Promise<readonly Series[]> {
    return this.#ask("query", { query: expr });
  }

  queryRange(expr: string, startSeconds: number, endSeconds: number): Promise<readonly Series[]> {
    const range = { start: String(startSeconds), end: String(endSeconds), step: "1" };
    return this.#ask("query_range", { query: expr, ...range });
  }

  async #ask(path: string, parameters: Readonly<Record<string, string>>): Promise<readonly Series[]> {
    const body = new URLSearchParams(parameters);
    const answer = await fetch(`${this.#url}/api/v1/${path}`, { method: "POST", body });
    const { status, error, data } = (await answer.json()) as {
      readonly status: string;
      readonly error?: string;
      readonly data?: { readonly result: readonly Series[] };
    };
    if (status !== "success" || data === undefined) throw new Error(`${parameters.query}: ${error}`);
    return data.result;
  }

  /** Those that fire now, or will when what they are about lasts. */
  async alerts(wanted: "firing" | "pending"): Promise<readonly Alert[]> {
    const answer = await fetch(`${this.#url}/api/v1/alerts`);
    const { data } = (await answer.json()) as { readonly data: { readonly alerts: readonly ApiAlert[] } };
    return data.alerts
      .filter(({ state }) => state === wanted)
      .map(({ labels, annotations }) => ({
        name: labels.alertname ?? "",
        labels,
        description: annotations.description ?? "",
      }));
  }

  /** Rules that could not be evaluated, with what Prometheus says about them. */
  async brokenRules(): Promise<readonly string[]> {
    const answer = await fetch(`${this.#url}/api/v1/rules`);
    const { data } = (await answer.json()) as {
      readonly data: {
        readonly groups: readonly { readonly rules: readonly { name: string; lastError?: string }[] }[];
      };
    };
    return data.groups
      .flatMap(({ rules }) => rules)
      .filter(({ lastError }) => lastError !== undefined && lastError !== "")
      .map(({ name, lastError }) => `${name}: ${lastError}`);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, "exit");
      this.#child.kill("SIGKILL");
      await ended;
    }
    removeScratch(this.#folder);
  }
}
