import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { peerReading, replicaReading } from "../metrics/testing/sample-reading.ts";
import { createMetrics, type Metrics } from "../metrics.ts";
import { ReplicaError } from "../runtime/replica-api.ts";
import { FakeReplica } from "./fake-replica.ts";
import { createMetricsServer, type MetricsServer } from "./metrics-server.ts";
import { type Harness, startHarness } from "./rpc-harness.ts";

let api: FakeReplica;
let metrics: Metrics;
let server: MetricsServer;
let stuck: string[];
beforeEach(async () => {
  api = new FakeReplica();
  metrics = createMetrics();
  stuck = [];
  const listen = { host: "127.0.0.1", port: 0 };
  server = await createMetricsServer({ api, metrics, listen, liveness: () => stuck });
});
afterEach(() => server.close());

const fetchPage = (path: string, init?: RequestInit) =>
  fetch(`http://127.0.0.1:${server.address.port}${path}`, init);

describe("probes", () => {
  it("readyz lists why the replica is not ready", async () => {
    expect((await fetchPage("/readyz")).status).toBe(200);
    api.notReady = ["no leader is known", "catching up"];
    const response = await fetchPage("/readyz");
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ ready: false, reasons: ["no leader is known", "catching up"] });
  });

  it("livez does not depend on a quorum (C4)", async () => {
    api.notReady = ["no leader is known"];
    expect((await fetchPage("/livez")).status).toBe(200);
    stuck = ["the disk does not answer"];
    expect((await fetchPage("/livez")).status).toBe(503);
  });

  it("fail, and say no more than that, when the replica cannot answer", async () => {
    api.readiness = () => {
      throw new Error("secret");
    };
    const response = await fetchPage("/readyz");
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("secret");
  });

  it("serve these three pages and nothing else", async () => {
    for (const path of ["/", "/key/a", "/status", "/toString", "/metrics/x"]) {
      expect((await fetchPage(path)).status).toBe(404);
    }
    const post = await fetchPage("/metrics", { method: "POST" });
    expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });
});

describe("connections", () => {
  /** Opened one after the other. */
  async function open(count: number): Promise<Socket[]> {
    const sockets: Socket[] = [];
    for (let i = 0; i < count; i++) {
      const socket = connect(server.address.port, "127.0.0.1");
      socket.on("error", () => {});
      await once(socket, "connect");
      sockets.push(socket);
    }
    return sockets;
  }

  it("that nobody uses make room for probes", async () => {
    const silent = await open(150);
    const kept = await open(150);
    for (const socket of kept) socket.write("GET /livez HTTP/1.1\r\nhost: a\r\n\r\n");
    expect((await fetchPage("/livez")).status).toBe(200);
    for (const socket of [...silent, ...kept]) socket.destroy();
  });

  it("are kept for some seconds only", async () => {
    expect((await fetchPage("/livez")).headers.get("keep-alive")).toBe("timeout=5");
  });

  it("that all ask for /metrics at once make no more work than one", async () => {
    let renders = 0;
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    metrics.render = async () => {
      renders += 1;
      await held;
      return "page\n";
    };
    // What is asked for in a row on one connection is taken in a row: by the last, all are under way.
    const asked = new Promise<void>((resolve) => {
      api.readiness = () => {
        resolve();
        return [];
      };
    });
    const [socket] = await open(1);
    const get = (path: string) => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`;
    socket!.write(get("/metrics").repeat(20) + get("/readyz"));
    await asked;
    expect(renders).toBe(1);
    const answered = once(socket!, "data");
    release();
    expect(String((await answered)[0])).toContain("page\n");
    socket!.destroy();
  });

  it("that ask for more and more without an end to it are closed", async () => {
    const [socket] = await open(1);
    metrics.render = () => new Promise(() => {});
    socket!.write("GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n".repeat(40));
    socket!.resume();
    await once(socket!, "close");
    expect((await fetchPage("/livez")).status).toBe(200);
  });

  it("that do not take their answers give up their place", async () => {
    const listen = { host: "127.0.0.1", port: 0 };
    const impatient = await createMetricsServer({ api, metrics, listen, answerMaxMs: 50 });
    onTestFinished(() => impatient.close());
    // More than the buffers of both ends hold.
    metrics.render = async () => "x".repeat(32 * 1024 * 1024);
    const socket = connect(impatient.address.port, "127.0.0.1");
    socket.on("error", () => {});
    await once(socket, "connect");
    socket.pause();
    socket.write("GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n");
    const at = `http://127.0.0.1:${impatient.address.port}/livez`;
    const others = Promise.all(Array.from({ length: 5 }, () => fetch(at)));
    expect((await others).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    // Without reading it, only a write tells that it was cut.
    const isCut = (): boolean => {
      socket.write("\r\n");
      return socket.destroyed;
    };
    await vi.waitUntil(isCut, { timeout: 10_000 });
  });
});

describe("/metrics", () => {
  it("shows the replica, its peers, and what was counted", async () => {
    const [one, two] = [peerReading(0xb2n), peerReading(0xc3n, { connected: false, roundTripMs: undefined })];
    metrics.readReplica(() => replicaReading({ peers: [one, two] }));
    metrics.runtime.leaderChanges.increment();
    metrics.proposalFailed("no-quorum", 2);
    for (const seconds of [0.0005, 0.0006, 100]) metrics.runtime.logFlushDuration.observe(seconds);
    const response = await fetchPage("/metrics");
    expect(response.headers.get("content-type")).toContain("text/plain");
    const lines = (await response.text()).split("\n");
    expect(lines).toEqual(
      expect.arrayContaining([
        "# TYPE rstore_raft_has_leader gauge",
        "rstore_raft_has_leader 1",
        "rstore_raft_term 7",
        "rstore_raft_leader_changes_total 1",
        'rstore_raft_proposals_failed_total{reason="no-quorum"} 2',
        'rstore_storage_log_flush_duration_seconds_bucket{le="0.00025"} 0',
        'rstore_storage_log_flush_duration_seconds_bucket{le="0.0005"} 1',
        'rstore_storage_log_flush_duration_seconds_bucket{le="0.001"} 2',
        'rstore_storage_log_flush_duration_seconds_bucket{le="10"} 2',
        'rstore_storage_log_flush_duration_seconds_bucket{le="+Inf"} 3',
        "rstore_storage_log_flush_duration_seconds_sum 100.0011",
        "rstore_storage_log_flush_duration_seconds_count 3",
        "# TYPE rstore_peer_sent_bytes_total counter",
        'rstore_peer_connected{peer="00000000000000b2",peer_name="b2"} 1',
        'rstore_peer_connected{peer="00000000000000c3",peer_name="c3"} 0',
        'rstore_peer_round_trip_seconds{peer="00000000000000b2",peer_name="b2"} 0.0015',
      ]),
    );
    expect(lines.filter((line) => line.startsWith("rstore_peer_round_trip_seconds"))).toHaveLength(1);
    expect(lines.some((line) => line.startsWith("process_cpu_seconds_total"))).toBe(true);
  });
});

describe("the metrics of the client port", () => {
  let harness: Harness;
  beforeEach(async () => {
    harness = await startHarness();
  });
  afterEach(() => harness.close());

  it("count writes that failed, by reason", async () => {
    const error = new ReplicaError("no-quorum", "no quorum", { outcome: "unknown" });
    harness.api.before = () => {
      throw error;
    };
    await fetch(`${harness.baseUrl}/key/a`, { method: "PUT", body: "1" });
    harness.api.before = () => {};
    harness.api.write = async (operations) => operations.map(() => ({ type: "failed", error }) as const);
    await fetch(`${harness.baseUrl}/key/a`, { method: "PUT", body: "1" });
    expect(await harness.scrape()).toContain('rstore_raft_proposals_failed_total{reason="no-quorum"} 2\n');
  });

  it("have series of the failures of calls for keys from the start, and of those only", async () => {
    const page = await harness.scrape();
    const codesOf = (method: string) =>
      [...page.matchAll(new RegExp(`^rstore_rpc_requests_total\\{.*${method}",code="(\\w+)"\\} 0$`, "gm"))]
        .map(([, code]) => code)
        .sort();
    const failures = ["deadline_exceeded", "internal", "resource_exhausted", "unavailable", "unknown"];
    expect(codesOf('"rstore.v1.KvService",method="Put')).toEqual([...failures, "ok"].sort());
    expect(codesOf('"plain",method="DeleteKey')).toEqual([...failures, "ok"].sort());
    expect(codesOf('"grpc.health.v1.Health",method="Watch')).toEqual(["ok"]);
  });

  it("count by service, method and code, and show neither keys nor values", async () => {
    const put = (key: string) =>
      fetch(`${harness.baseUrl}/key/${key}`, { method: "PUT", body: '"secret-value"' });
    await put("secret-key");
    await put("%");
    const page = await harness.scrape();
    expect(page).toContain('rstore_rpc_requests_total{service="plain",method="PutKey",code="ok"} 1\n');
    expect(page).toContain('{service="plain",method="PutKey",code="invalid_argument"} 1\n');
    expect(page).toContain('rstore_rpc_request_duration_seconds_count{service="plain",method="PutKey"} 2\n');
    expect(page).not.toContain("secret");
  });
});
