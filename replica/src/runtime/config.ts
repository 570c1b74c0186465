import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { parse as parseYaml } from "yaml";
import { z } from "zod";
import { FatalError } from "../errors.ts";
import { logFormats, logLevels } from "../log.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const SILENCE_MAX_MS = 30_000;
const byteUnits: Record<string, number> = { "": 1, KiB: KIB, MiB: MIB, GiB: GIB };

/** A count of bytes: `1048576`, `1024KiB`, `64MiB`, `8GiB`. */
const bytes = z.preprocess((value) => {
  const match = typeof value === "string" ? /^(\d+)\s*(KiB|MiB|GiB|)$/.exec(value) : null;
  return match ? Number(match[1]) * byteUnits[match[2]!]! : value;
}, z.number("give a number of bytes, such as 1048576 or 64MiB").int().nonnegative());

/** As a setting may be written. */
export function showBytes(count: number): string {
  const [name, unit] = Object.entries(byteUnits).findLast(([, size]) => count % size === 0)!;
  return `${count / unit}${name}`;
}

const count = z.coerce.number().int().nonnegative();
/** Node's timers fire at once when they are asked for more. */
const TIMER_MAX_MS = 2 ** 31 - 1;
const milliseconds = z.coerce.number().int().positive().max(TIMER_MAX_MS);
const address = z
  .string()
  .regex(/^(\[[0-9a-fA-F:]+\]|[^:]+):\d{1,5}$/, "give host:port, such as 0.0.0.0:4001")
  .refine((text) => Number(text.slice(text.lastIndexOf(":") + 1)) <= 65_535, "a port is at most 65535");
const url = z.union([z.literal(""), z.url({ protocol: /^http$/ })]);
const traceUrl = z.union([z.literal(""), z.url({ protocol: /^https?$/ })]);
const flag = z.preprocess((value) => (typeof value === "string" ? value === "true" : value), z.boolean());

/** Every setting of a replica: a flag, an RSTORE_ variable and a key of the configuration file each. */
export const configSchema = z.object({
  dataDir: z.string().min(1).default("./data").describe("directory of this replica's data"),
  name: z
    .string()
    .min(1)
    .max(128)
    .default(hostname())
    .describe("name shown to people (default: the host name)"),
  clientListen: address.default("127.0.0.1:4001").describe("where clients are served"),
  clientAdvertise: url
    .default("")
    .describe("URL at which clients reach it (default: http://<client-listen>)"),
  peerListen: address.default("127.0.0.1:4101").describe("where members and administrators are served"),
  peerAdvertise: url.default("").describe("URL at which members reach it (default: http://<peer-listen>)"),
  metricsListen: address.default("127.0.0.1:4201").describe("where metrics and probes are served"),

  heartbeatIntervalMs: milliseconds.default(100).describe("time between a leader's heartbeats"),
  electionTimeoutMs: milliseconds
    .default(1000)
    .describe("silence of the leader before an election; randomised to twice this"),
  missedHeartbeats: count
    .default(10)
    .describe("a peer whose connection stays silent for this many heartbeats is dialled anew"),
  promoteMaxLagEntries: count.default(1000).describe("a learner that lacks more entries is not promoted"),

  quotaBytes: bytes.default(8 * GIB).describe("most bytes of store/; puts are refused beyond it"),
  reserveBytes: bytes
    .default(64 * MIB)
    .describe("disk space kept in a file to be given up when the disk is full"),
  logRetainedEntries: count.default(20_000).describe("entries kept in the log behind what is applied"),
  logRetainedBytes: bytes.default(64 * MIB).describe("bytes kept in the log behind what is applied"),
  logPinnedMaxBytes: bytes
    .default(512 * MIB)
    .describe("bytes of log kept for a follower that is fetching a snapshot"),
  flushBytes: bytes
    .default(16 * MIB)
    .describe("applied changes are written to store/ when they reach this size"),
  flushIntervalMs: milliseconds
    .default(200)
    .describe("applied changes are written to store/ at least this often"),
  diskDeadlineMs: milliseconds.default(30_000).describe("a disk write that takes longer ends the process"),

  compactionKeepRevisions: count
    .default(0)
    .describe("so many revisions stay readable, older history is compacted; 0: no such rule"),
  compactionKeepSeconds: count
    .default(0)
    .describe(
      "history stays readable for so long, then it is compacted; with both rules the longer one counts; 0: no such rule",
    ),

  requestMaxBytes: bytes.default(1536 * KIB).describe("most bytes of one request"),
  responseMaxBytes: bytes.default(4 * MIB).describe("a range answer ends when it reaches this size"),
  batchMaxOperations: count.default(10_000).describe("most operations in one batch"),
  inflightMaxRequests: count.default(10_000).describe("most requests under way"),
  inflightMaxBytes: bytes.default(256 * MIB).describe("most bytes of requests under way"),
  connectionsMax: count.default(10_000).describe("most client connections"),
  requestTimeoutMs: milliseconds.default(5000).describe("deadline of a request that names none"),
  requestMaxTimeoutMs: milliseconds.default(60_000).describe("longest deadline that a request may name"),

  logLevel: z
    .enum(logLevels)
    .default("info")
    .describe(`one of ${logLevels.join(", ")}`),
  logFormat: z.enum(logFormats).default("auto").describe("json, text, or auto: text on a terminal"),
  slowRequestMs: milliseconds.default(1000).describe("a request that takes longer is logged"),
  slowFlushMs: milliseconds.default(500).describe("a disk write that takes longer is logged"),
  traceEndpoint: traceUrl
    .default("")
    .describe(
      "OTLP/HTTP URL that traces are sent to, such as http://collector:4318/v1/traces; none by default",
    ),
  traceSampleRatio: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe("of requests whose caller sends no trace context, this share is traced"),
  supervised: flag.default(false).describe("exit when standard input closes"),
});

export type ReplicaConfig = z.infer<typeof configSchema>;
export type ConfigKey = keyof ReplicaConfig;

export function flagName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

export function environmentName(key: string): string {
  return `RSTORE_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

function invalid(message: string, cause?: unknown): FatalError {
  return new FatalError("invalidConfiguration", message, { cause });
}

function fromFile(path: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = parseYaml(readFileSync(path, "utf8"));
  } catch (cause) {
    throw invalid(`configuration file ${path} cannot be read: ${(cause as Error).message}`, cause);
  }
  if (parsed === null || parsed === undefined) return {};
  if (typeof parsed !== "object" || Array.isArray(parsed)) {
    throw invalid(`configuration file ${path}: expected a map of settings, such as "name: a"`);
  }
  for (const key of Object.keys(parsed)) {
    if (!(key in configSchema.shape))
      throw invalid(`configuration file ${path}: no setting is called "${key}"`);
  }
  return parsed as Record<string, unknown>;
}

/** Flags over environment over file over defaults. Throws FatalError invalidConfiguration naming the setting. */
export function loadConfig(
  flags: Partial<Record<string, unknown>>,
  environment: Record<string, string | undefined>,
  file?: string,
): ReplicaConfig {
  const settings: Record<string, unknown> = file === undefined ? {} : fromFile(file);
  for (const key of Object.keys(configSchema.shape)) {
    const value = flags[key] ?? environment[environmentName(key)];
    if (value !== undefined) settings[key] = value;
  }
  const result = configSchema.safeParse(settings);
  if (!result.success) {
    const problems = result.error.issues.map(
      (issue) => `--${flagName(String(issue.path[0]))}: ${issue.message}`,
    );
    throw invalid(problems.join("; "));
  }
  const config = result.data;
  const derived = {
    ...config,
    clientAdvertise: config.clientAdvertise || `http://${config.clientListen}`,
    peerAdvertise: config.peerAdvertise || `http://${config.peerListen}`,
  };
  checkRelations(derived);
  return derived;
}

/** How the limits relate; what would make the replica unsafe or useless is refused at start. */
function checkRelations(config: ReplicaConfig): void {
  const rules: readonly [holds: boolean, problem: string][] = [
    [
      config.electionTimeoutMs >= 5 * config.heartbeatIntervalMs,
      `--election-timeout-ms (${config.electionTimeoutMs}) must be at least five heartbeats (--heartbeat-interval-ms is ${config.heartbeatIntervalMs})`,
    ],
    [config.missedHeartbeats >= 2, "--missed-heartbeats must be at least 2: one may be late"],
    [
      config.missedHeartbeats * config.heartbeatIntervalMs <= SILENCE_MAX_MS,
      `--missed-heartbeats times --heartbeat-interval-ms must be at most ${SILENCE_MAX_MS}: a dead peer would go unnoticed`,
    ],
    [config.heartbeatIntervalMs >= 10, "--heartbeat-interval-ms must be at least 10, the length of a tick"],
    [
      config.requestMaxBytes >= 4 * KIB,
      "--request-max-bytes must be at least 4KiB: a key of 1,024 bytes must fit",
    ],
    [
      config.requestMaxBytes <= 64 * MIB,
      "--request-max-bytes must be at most 64MiB: a larger entry would hold up heartbeats",
    ],
    [
      config.inflightMaxBytes >= config.requestMaxBytes,
      "--inflight-max-bytes must be at least --request-max-bytes, or no request of that size is served",
    ],
    [config.batchMaxOperations >= 1, "--batch-max-operations must be at least 1"],
    [config.inflightMaxRequests >= 1, "--inflight-max-requests must be at least 1, or nothing is served"],
    [config.connectionsMax >= 1, "--connections-max must be at least 1, or nobody is served"],
    [
      config.requestTimeoutMs <= config.requestMaxTimeoutMs,
      "--request-timeout-ms must be at most --request-max-timeout-ms",
    ],
    [config.quotaBytes >= MIB, "--quota-bytes must be at least 1MiB"],
    [
      !/^(0\.0\.0\.0|\[::\]):/.test(config.clientListen) ||
        !config.clientAdvertise.includes(config.clientListen),
      "--client-advertise is needed when --client-listen names no single address: members tell clients where to go",
    ],
    [
      !/^(0\.0\.0\.0|\[::\]):/.test(config.peerListen) || !config.peerAdvertise.includes(config.peerListen),
      "--peer-advertise is needed when --peer-listen names no single address: members must find each other",
    ],
  ];
  const broken = rules.filter(([holds]) => !holds).map(([, problem]) => problem);
  if (broken.length > 0) throw invalid(broken.join("; "));
}
