import type { Command } from "commander";
import { idText } from "../bytes.ts";
import type { Client } from "../client.ts";
import { RstoreError } from "../errors.ts";
import type { HashResult, ReplicaStatus } from "../types.ts";
import { version } from "../version.ts";
import { example } from "./arguments.ts";
import { type CliIo, CommandContext } from "./context.ts";
import { CliError, exitCodes } from "./exit-codes.ts";
import { bytesText, table } from "./output.ts";

/** No key has it, so a compare-and-delete with it passes through the log and changes nothing. */
const impossibleRevision = 2n ** 63n - 1n;
const probeKey = "rstore/health";

export function addClusterCommands(program: Command, io: CliIo): void {
  addStatus(program, io);
  addHealth(program, io);
  addHash(program, io);
  program
    .command("version")
    .description("the version of this command line, and of the replicas that answer")
    .addHelpText("after", example("rstore version"))
    .action(async (_options, command: Command) => {
      const context = new CommandContext(io, command);
      const replicas = await eachEndpoint(context, context.endpoints, (client) => client.status());
      context.print(
        {
          client: version,
          replicas: replicas.map(({ endpoint, result }) => ({ endpoint, version: result?.version ?? null })),
        },
        () =>
          [
            `rstore ${version}`,
            ...replicas.map(
              ({ endpoint, result }) => `replica ${endpoint} ${result?.version ?? "(no answer)"}`,
            ),
          ].join("\n"),
      );
    });
}

interface EndpointResult<T> {
  readonly endpoint: string;
  readonly result?: T;
  readonly error?: RstoreError;
}

/** Asks several replicas at once, each by a client of its own that knows no other. */
async function eachEndpoint<T>(
  context: CommandContext,
  endpoints: readonly string[],
  call: (client: Client, endpoint: string) => Promise<T>,
): Promise<EndpointResult<T>[]> {
  const one = async (endpoint: string): Promise<EndpointResult<T>> => {
    try {
      return { endpoint, result: await context.withClient((client) => call(client, endpoint), [endpoint]) };
    } catch (error) {
      if (error instanceof RstoreError) return { endpoint, error };
      throw error;
    }
  };
  return Promise.all(endpoints.map(one));
}

/** The client URLs of all members as far as any endpoint tells, otherwise the endpoints given. */
async function allEndpoints(context: CommandContext, given: boolean): Promise<string[]> {
  if (given) return context.endpoints;
  try {
    const { members } = await context.withClient((client) =>
      client.listMembers({ consistency: "serializable" }),
    );
    const urls = members.map(({ clientUrl }) => clientUrl).filter((url) => url !== "");
    return urls.length > 0 ? urls : context.endpoints;
  } catch (error) {
    if (error instanceof RstoreError) return context.endpoints;
    throw error;
  }
}

function addStatus(program: Command, io: CliIo): void {
  program
    .command("status")
    .description("how every member of the cluster is")
    .option("--only", "ask only the given endpoints, not the other members")
    .addHelpText("after", example("rstore status"))
    .action(async (flags: { readonly only?: boolean }, command: Command) => {
      const context = new CommandContext(io, command);
      const endpoints = await allEndpoints(context, flags.only === true);
      const all = await eachEndpoint(context, endpoints, (client, endpoint) => client.status({ endpoint }));
      context.print(all.map(statusJson), () => statusTable(all));
      for (const { endpoint, result, error } of all) {
        if (error !== undefined) context.progress(`${endpoint}: ${error.message}`);
        for (const problem of result?.problems ?? []) context.progress(`${endpoint}: ${problem}`);
      }
      if (all.every(({ result }) => result === undefined)) throw noneReached(context, endpoints);
    });
}

/** Members advertise names of their own network: through a port-forward only the given endpoint answers. */
function noneReached(context: CommandContext, asked: readonly string[]): CliError {
  const learned = asked.some((endpoint) => !context.endpoints.includes(endpoint));
  const advice =
    "no member is reached by the name that it advertises: run this in their network, such as in a pod, or ask just the given endpoints with --only";
  return new CliError(exitCodes.unavailable, learned ? advice : "");
}

function statusJson({ endpoint, result, error }: EndpointResult<ReplicaStatus>): unknown {
  if (result === undefined) return { endpoint, reachable: false, error: error?.message };
  const { header, ...status } = result;
  return {
    endpoint,
    reachable: true,
    memberId: idText(header.memberId),
    clusterId: idText(header.clusterId),
    leaderId: idText(header.leaderId),
    term: header.term,
    revision: header.revision,
    ...status,
  };
}

function statusTable(all: readonly EndpointResult<ReplicaStatus>[]): string {
  const head = [
    "endpoint",
    "name",
    "id",
    "role",
    "term",
    "applied",
    "revision",
    "keys",
    "store",
    "free",
    "state",
  ];
  return table(
    head,
    all.map(({ endpoint, result }) => {
      if (result === undefined) return [endpoint, "", "", "unreachable", "", "", "", "", "", "", ""];
      const { header } = result;
      return [
        endpoint,
        result.name,
        idText(header.memberId),
        result.role,
        header.term.toString(),
        result.appliedIndex.toString(),
        header.revision.toString(),
        result.totalKeys.toString(),
        bytesText(result.storeBytesUsed),
        bytesText(result.diskBytesAvailable),
        result.problems.length === 0 ? "ok" : `${result.problems.length} problem(s)`,
      ];
    }),
  );
}

function addHealth(program: Command, io: CliIo): void {
  program
    .command("health")
    .description(
      "whether the cluster serves: a linearizable read through each endpoint, which needs a majority",
    )
    .option("--write", "send a write through the log as well: one that can't apply and changes nothing")
    .option("--members", "ask every member, not only the given endpoints")
    .addHelpText("after", example("rstore health --members", "rstore health --write && echo writable"))
    .action(async (flags: { readonly write?: boolean; readonly members?: boolean }, command: Command) => {
      const context = new CommandContext(io, command);
      const endpoints = await allEndpoints(context, flags.members !== true);
      const all = await eachEndpoint(context, endpoints, (client) => probe(client, flags.write === true));
      const healthy = ({ result }: EndpointResult<Probe>) =>
        result !== undefined && result.problems.length === 0;
      context.print(
        all.map((one) => ({
          endpoint: one.endpoint,
          healthy: healthy(one),
          ...(one.result !== undefined && { tookMs: one.result.tookMs, problems: one.result.problems }),
          ...(one.error !== undefined && { reason: one.error.reason, error: one.error.message }),
        })),
        () =>
          table(
            ["endpoint", "healthy", "took", "problem"],
            all.map((one) => [
              one.endpoint,
              healthy(one) ? "yes" : "no",
              one.result === undefined ? "" : `${one.result.tookMs.toFixed(1)} ms`,
              one.error?.message ?? one.result?.problems.join("; ") ?? "",
            ]),
          ),
      );
      if (!all.every(healthy)) throw new CliError(exitCodes.unavailable);
    });
}

interface Probe {
  readonly tookMs: number;
  readonly problems: readonly string[];
}

async function probe(client: Client, write: boolean): Promise<Probe> {
  const beganMs = performance.now();
  await client.get(probeKey);
  if (write) await probeWrite(client);
  const tookMs = performance.now() - beganMs;
  const { problems } = await client.status();
  return { tookMs, problems };
}

async function probeWrite(client: Client): Promise<void> {
  try {
    await client.delete(probeKey, { expectedModRevision: impossibleRevision });
  } catch (error) {
    if (!(error instanceof RstoreError) || error.reason !== "compare-failed") throw error;
  }
}

function addHash(program: Command, io: CliIo): void {
  program
    .command("hash")
    .description("a checksum of each member's data at one revision; they must be equal")
    .option("--only", "ask only the given endpoints, not the other members")
    .addHelpText("after", example("rstore hash"))
    .action(async (flags: { readonly only?: boolean }, command: Command) => {
      const context = new CommandContext(io, command);
      const endpoints = await allEndpoints(context, flags.only === true);
      const statuses = await eachEndpoint(context, endpoints, (client) => client.status());
      const revision = lowestRevision(statuses);
      const all = await eachEndpoint(context, endpoints, (client) => client.hash({ revision }));
      const hashes = new Set(all.flatMap(({ result }) => (result === undefined ? [] : [comparable(result)])));
      const equal = hashes.size === 1 && all.every(({ result }) => result !== undefined);
      context.print({ equal, revision, replicas: all.map(hashJson) }, () => hashTable(all));
      if (all.some(({ error }) => error !== undefined)) {
        throw new CliError(exitCodes.unavailable, "not every member answered");
      }
      if (!equal) {
        const message =
          "the hashes differ. If the compacted revisions differ, ask again; otherwise a replica is damaged";
        throw new CliError(exitCodes.error, message);
      }
    });
}

/** What every member that answers has applied. */
function lowestRevision(statuses: readonly EndpointResult<ReplicaStatus>[]): bigint {
  let lowest: bigint | undefined;
  for (const { result } of statuses) {
    if (result !== undefined && (lowest === undefined || result.header.revision < lowest)) {
      lowest = result.header.revision;
    }
  }
  return lowest ?? 0n;
}

function comparable({ hash, compactedRevision }: HashResult): string {
  return `${hash}/${compactedRevision}`;
}

function hashJson({ endpoint, result, error }: EndpointResult<HashResult>): unknown {
  if (result === undefined) return { endpoint, error: error?.message };
  const { hash, revision, compactedRevision, appliedIndex } = result;
  return { endpoint, hash: idText(hash), revision, compactedRevision, appliedIndex };
}

function hashTable(all: readonly EndpointResult<HashResult>[]): string {
  return table(
    ["endpoint", "hash", "revision", "compacted", "applied"],
    all.map(({ endpoint, result, error }) =>
      result === undefined
        ? [endpoint, error?.reason ?? "", "", "", ""]
        : [
            endpoint,
            idText(result.hash),
            result.revision.toString(),
            result.compactedRevision.toString(),
            result.appliedIndex.toString(),
          ],
    ),
  );
}
