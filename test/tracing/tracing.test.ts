import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { Client } from "@rstore/client";
import { openTelemetryTracing } from "@rstore/client/tracing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import type { ReplicaProcess } from "../cluster/replica-process.ts";
import { clusterForTest } from "../cluster/use-cluster.ts";
import { type Collector, startCollector } from "./collector.ts";
import type { ReceivedSpan } from "./decode-spans.ts";

let collector: Collector;
let provider: TracerProvider;

beforeAll(async () => {
  collector = await startCollector();
  const exporter = new OTLPTraceExporter({ url: collector.url });
  provider = new TracerProvider({
    spanProcessors: [new BatchSpanProcessor({ exporter, scheduledDelayMillis: 100 })],
  });
});

afterAll(async () => {
  await provider.shutdown();
  await collector.close();
});

/** A client whose first call goes to this replica. */
function clientOf(replica: ReplicaProcess): Client {
  const tracing = openTelemetryTracing(provider);
  return new Client({ endpoints: [replica.clientUrl], discover: false, tracing });
}

/** The newest trace of a put that ended like this, once it has all of these. */
async function traceOf(end: "ok" | "failed", names: readonly string[]): Promise<readonly ReceivedSpan[]> {
  return eventually(`a trace of a put that ${end}, with ${names.join(", ")}`, () => {
    const isRoot = ({ name, parentSpanId }: ReceivedSpan) => name === "rstore put" && parentSpanId === "";
    const begun = collector.spans.findLast(
      (span) => isRoot(span) && (span.problem === undefined) === (end === "ok"),
    );
    if (begun === undefined) return undefined;
    const spans = collector.spans.filter(({ traceId }) => traceId === begun.traceId);
    return names.every((name) => spans.some((span) => span.name === name)) ? spans : undefined;
  });
}

/** Names from the root down to each span, with where it happened. */
function pathsOf(spans: readonly ReceivedSpan[]): string[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const pathOf = (span: ReceivedSpan): string => {
    const parent = byId.get(span.parentSpanId);
    const name = span.instance === "" ? span.name : `${span.instance}:${span.name}`;
    return parent === undefined ? name : `${pathOf(parent)} > ${name}`;
  };
  return spans.map(pathOf).sort();
}

const onTheLeader = ["rstore.proposal", "rstore.commit", "rstore.apply", "rstore.flush"];
const request = "rstore.v1.KvService/Batch";
const forward = "rstore.peer.v1.PeerService/Forward";

/** A module loader under which nothing of OpenTelemetry can be loaded; its API is one of prom-client's own. */
const withoutOpenTelemetry = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from "node:module";
  registerHooks({
    resolve(specifier, context, next) {
      const isApi = specifier === "@opentelemetry/api";
      if (specifier.startsWith("@opentelemetry/") && !isApi) throw new Error("OpenTelemetry is loaded");
      return next(specifier, context);
    },
  });
`)}`;

describe("traces", { timeout: 90_000 }, () => {
  it("of a put through a follower: one, from the client's call to the apply on the leader", async () => {
    const cluster = await clusterForTest(3, { settings: { traceEndpoint: collector.url } });
    const [leader, follower] = [await cluster.leader(), await cluster.follower()];
    const client = clientOf(follower);
    await client.put("k", "v");
    client.close();
    const names = ["rstore put", request, "rstore.forward", forward, ...onTheLeader];
    const spans = await traceOf("ok", names);
    const served = `rstore put > ${request} > ${follower.name}:${request}`;
    const passed = `${served} > ${follower.name}:rstore.forward > ${leader.name}:${forward}`;
    const proposed = `${passed} > ${leader.name}:rstore.proposal`;
    expect(pathsOf(spans)).toEqual(
      [
        "rstore put",
        `rstore put > ${request}`,
        served,
        `${served} > ${follower.name}:rstore.forward`,
        passed,
        proposed,
        `${proposed} > ${leader.name}:rstore.apply`,
        `${proposed} > ${leader.name}:rstore.commit`,
        `${proposed} > ${leader.name}:rstore.flush`,
      ].sort(),
    );
    expect(spans.filter(({ problem }) => problem !== undefined)).toEqual([]);
    expect(spans.every(({ startNs, endNs }) => startNs <= endNs)).toBe(true);
    const proposal = spans.find(({ name }) => name === "rstore.proposal")!;
    expect(proposal.attributes["rstore.index"]).toMatch(/^[1-9]\d*$/);
    const arrival = spans.find(({ name, kind }) => name === request && kind === 2)!;
    expect(arrival.attributes["rstore.request_id"]).not.toBe("");
    expect(
      JSON.stringify(collector.spans, (_, value) => (typeof value === "bigint" ? `${value}` : value)),
    ).not.toMatch(/"[kv]"/);
  });

  it("of a put that nobody confirms: the stage that it failed in says so, up to the call", async () => {
    const cluster = await clusterForTest(3, { settings: { traceEndpoint: collector.url } });
    const leader = await cluster.leader();
    const others = cluster.replicas.filter((replica) => replica !== leader);
    const client = clientOf(leader);
    await client.put("k", "v");
    for (const replica of others) replica.pause();
    await expect(client.put("k", "w", { timeoutMs: 800 })).rejects.toMatchObject({ outcome: "unknown" });
    for (const replica of others) replica.resume();
    client.close();
    const spans = await traceOf("failed", ["rstore.proposal", "rstore.commit", request]);
    const failed = spans.filter(({ problem }) => problem !== undefined).map(({ name }) => name);
    expect(failed).toContain("rstore put");
    expect(failed).toContain("rstore.proposal");
    expect(failed).toContain("rstore.commit");
    expect(spans.find(({ name }) => name === "rstore.proposal")!.problem).toBe("outcome-unknown");
  });

  it("of calls that share a request: it belongs to the first, and names the others", async () => {
    const cluster = await clusterForTest(1, { settings: { traceEndpoint: collector.url } });
    const client = clientOf(cluster.replica(0));
    await Promise.all(["a", "b", "c"].map((key) => client.put(key, "v")));
    client.close();
    await provider.forceFlush();
    const calls = collector.spans.filter(({ name }) => name === "rstore put").slice(-3);
    const [first, ...others] = calls.map(({ spanId }) => spanId);
    const sent = collector.spans.findLast(({ name, kind }) => name === request && kind === 3)!;
    expect(sent.parentSpanId).toBe(first);
    expect(sent.links).toEqual(others);
  });

  it("are neither made nor sent where they are off, and nothing of them is loaded", async () => {
    const before = collector.spans.length;
    const cluster = await clusterForTest(1, { nodeFlags: () => ["--import", withoutOpenTelemetry] });
    const client = clientOf(cluster.replica(0));
    await client.put("k", "v");
    client.close();
    await cluster.replica(0).stop();
    await provider.forceFlush();
    const since = collector.spans.slice(before);
    expect(since.map(({ instance }) => instance).filter((instance) => instance !== "")).toEqual([]);
    expect(since.map(({ name }) => name)).toContain("rstore put");
  });

  it("cost nothing but a line when the collector is dead", async () => {
    const settings = { traceEndpoint: "http://127.0.0.1:9/v1/traces", traceSampleRatio: 1 };
    const cluster = await clusterForTest(1, { settings });
    const client = cluster.client();
    const replica = cluster.replica(0);
    const said = () => replica.log().match(/"msgId":"trace.export.failed"/g)?.length ?? 0;
    const until = Date.now() + 60_000;
    while (said() === 0 && Date.now() < until) {
      await Promise.all(Array.from({ length: 200 }, (_, at) => client.put(`k/${at}`, "v")));
    }
    const firstSaidMs = performance.now();
    for (let round = 0; round < 20; round++) {
      await Promise.all(Array.from({ length: 200 }, (_, at) => client.put(`k/${at}`, "v")));
    }
    // Once in half a minute.
    expect(said()).toBeGreaterThan(0);
    expect(said()).toBeLessThanOrEqual(2 + Math.floor((performance.now() - firstSaidMs) / 30_000));
    expect(await replica.stop()).toBe(0);
  });
});
