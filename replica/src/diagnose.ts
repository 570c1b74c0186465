import { availableParallelism, freemem, loadavg, release, totalmem } from "node:os";
import type { Console } from "./console/console.ts";
import type { ReplicaEvents } from "./events.ts";
import type { Metrics } from "./metrics.ts";
import type { DiagnosticDocument } from "./rpc/diagnostics-service.ts";
import type { ReplicaConfig } from "./runtime/config.ts";
import type { ReplicaApi } from "./runtime/replica-api.ts";

export interface DiagnosisParts {
  readonly config: ReplicaConfig;
  readonly api: Pick<ReplicaApi, "identity" | "status" | "answerState" | "readiness">;
  readonly metrics: Pick<Metrics, "render">;
  readonly log: Pick<ReplicaEvents, "recent">;
  readonly console: Pick<Console, "look">;
}

/** What a bug report needs of a replica: never keys or values, and no secrets of its settings. */
export async function diagnose(parts: DiagnosisParts): Promise<DiagnosticDocument[]> {
  const { api, config, metrics, log, console } = parts;
  return [
    { name: "identity.json", content: json(api.identity()) },
    {
      name: "status.json",
      content: json({ ...api.answerState(), ...api.status(), notReady: api.readiness() }),
    },
    { name: "settings.json", content: json(withoutSecrets(config)) },
    { name: "process.json", content: json(describeProcess()) },
    { name: "console.json", content: json((await console.look()).state) },
    { name: "metrics.txt", content: await metrics.render() },
    { name: "log.jsonl", content: log.recent.map((event) => `${jsonLine(event)}\n`).join("") },
  ];
}

function describeProcess(): unknown {
  const { version: node, arch, platform, pid } = process;
  return {
    node,
    platform,
    arch,
    release: release(),
    pid,
    uptimeSeconds: Math.round(process.uptime()),
    memory: process.memoryUsage(),
    resources: process.resourceUsage(),
    flags: process.execArgv,
    machine: {
      processors: availableParallelism(),
      load: loadavg(),
      totalBytes: totalmem(),
      freeBytes: freemem(),
    },
  };
}

const secretName = /header|token|secret|password|credential|key$/i;

/** Settings by name; what may hold a secret is left out, also a URL's user, password, query and fragment. */
export function withoutSecrets(settings: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => {
      if (secretName.test(name) && value !== "") return [name, "(left out)"];
      return [name, typeof value === "string" ? withoutCredentials(value) : value];
    }),
  );
}

function withoutCredentials(text: string): string {
  if (!text.includes("://")) return text;
  const url = URL.parse(text);
  return url === null ? "(left out)" : `${url.origin}${url.pathname}`;
}

function asText(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, asText, 2)}\n`;
}

function jsonLine(value: unknown): string {
  return JSON.stringify(value, asText);
}
