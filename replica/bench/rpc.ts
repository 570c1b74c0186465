/**
 * What a call costs the server by the fast path and by the general road: `node replica/bench/rpc.ts [seconds]`.
 *
 * The server runs in a process of its own over a replica in memory, so the figures are of the RPC layer alone. CPU
 * time for each call tells more than calls a second, since the load generator shares the machine.
 */
import { fork } from "node:child_process";
import { connect, constants } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { BatchRequestSchema, GetRequestSchema, PutRequestSchema } from "@rstore/proto/rstore/v1/kv";
import { Metrics } from "../src/metrics.ts";
import { createClientServer } from "../src/rpc/client-server.ts";
import { FakeReplica, testLimits } from "../src/rpc/fake-replica.ts";

const callers = 64;
const value = Buffer.alloc(256, "v");

interface Load {
  readonly name: string;
  readonly path: string;
  readonly operations: number;
  readonly body: (i: number) => Uint8Array;
}

function put(i: number) {
  return create(PutRequestSchema, { key: Buffer.from(`key-${i % 10_000}`), value });
}

const loads: readonly Load[] = [
  {
    name: "put",
    path: "/rstore.v1.KvService/Put",
    operations: 1,
    body: (i) => toBinary(PutRequestSchema, put(i)),
  },
  {
    name: "get",
    path: "/rstore.v1.KvService/Get",
    operations: 1,
    body: (i) => toBinary(GetRequestSchema, create(GetRequestSchema, { key: put(i).key })),
  },
  {
    name: "batch of 100 puts",
    path: "/rstore.v1.KvService/Batch",
    operations: 100,
    body: (i) => {
      const operations = Array.from({ length: 100 }, (_, j) => ({
        operation: { case: "put" as const, value: put(i * 100 + j) },
      }));
      return toBinary(BatchRequestSchema, create(BatchRequestSchema, { operations }));
    },
  },
];

interface Figures {
  readonly operationsPerSecond: number;
  readonly cpuMicrosPerCall: number;
}

async function serve(fastPath: boolean): Promise<void> {
  const api = new FakeReplica();
  api.recording = false;
  const server = await createClientServer({
    api,
    limits: testLimits,
    metrics: new Metrics({ processMetrics: false }),
    listen: { host: "127.0.0.1", port: 0 },
    fastPath,
  });
  process.on("message", () => process.send!(process.cpuUsage()));
  process.once("disconnect", () => process.exit());
  process.send!(server.address.port);
}

async function measure(fastPath: boolean, seconds: number): Promise<Map<string, Figures>> {
  const child = fork(import.meta.filename, [fastPath ? "serve-fast" : "serve-general"]);
  const port = await new Promise<number>((resolve) => child.once("message", (m) => resolve(m as number)));
  const cpuMicros = () =>
    new Promise<number>((resolve) => {
      child.once("message", (m) => {
        const usage = m as NodeJS.CpuUsage;
        resolve(usage.user + usage.system);
      });
      child.send("cpu");
    });
  const session = connect(`http://127.0.0.1:${port}`);
  const figures = new Map<string, Figures>();
  for (const load of loads) {
    await drive(session, load, 1);
    const cpuBefore = await cpuMicros();
    const startMs = performance.now();
    const calls = await drive(session, load, seconds);
    const elapsedSeconds = (performance.now() - startMs) / 1000;
    figures.set(load.name, {
      operationsPerSecond: (calls * load.operations) / elapsedSeconds,
      cpuMicrosPerCall: ((await cpuMicros()) - cpuBefore) / calls,
    });
  }
  session.destroy();
  child.disconnect();
  return figures;
}

/** Runs the callers for a time; returns how many calls they made. */
async function drive(session: ReturnType<typeof connect>, load: Load, seconds: number): Promise<number> {
  const endMs = performance.now() + seconds * 1000;
  const bodies = Array.from({ length: 64 }, (_, i) => envelope(load.body(i)));
  let calls = 0;
  const caller = async (): Promise<void> => {
    while (performance.now() < endMs) {
      await call(session, load.path, bodies[calls % bodies.length]!);
      calls++;
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return calls;
}

function envelope(message: Uint8Array): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

function call(session: ReturnType<typeof connect>, path: string, body: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: "POST",
      [constants.HTTP2_HEADER_PATH]: path,
      "content-type": "application/grpc",
      te: "trailers",
    });
    let status: unknown;
    stream.on("trailers", (trailers) => {
      status = trailers["grpc-status"];
    });
    stream.on("data", () => {});
    stream.on("error", reject);
    stream.on("end", () => (status === "0" ? resolve() : reject(new Error(`grpc-status ${status}`))));
    stream.end(body);
  });
}

async function main(): Promise<void> {
  const seconds = Number(process.argv[2] ?? 3);
  const general = await measure(false, seconds);
  const fast = await measure(true, seconds);
  console.log("load                 general op/s  µs CPU/call      fast op/s  µs CPU/call   CPU ratio");
  for (const { name } of loads) {
    const [a, b] = [general.get(name)!, fast.get(name)!];
    const columns = [
      name.padEnd(20),
      a.operationsPerSecond.toFixed(0).padStart(13),
      a.cpuMicrosPerCall.toFixed(1).padStart(12),
      b.operationsPerSecond.toFixed(0).padStart(14),
      b.cpuMicrosPerCall.toFixed(1).padStart(12),
      (a.cpuMicrosPerCall / b.cpuMicrosPerCall).toFixed(1).padStart(11),
    ];
    console.log(columns.join(" "));
  }
}

const role = process.argv[2];
if (role === "serve-fast" || role === "serve-general") await serve(role === "serve-fast");
else await main();
