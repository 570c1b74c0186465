/**
 * What the client itself costs: 256-byte puts against a server that decodes a batch and answers it without
 * doing anything. The server is a process of its own; throughput is also given per second of the client's CPU.
 *
 *   node client/bench/batching.ts [callers] [seconds]
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import * as http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  BatchRequestSchema,
  BatchResponseSchema,
  OperationResultSchema,
  PutResponseSchema,
} from "@rstore/proto/rstore/v1/kv";
import { Client } from "../src/index.ts";

const valueBytes = 256;

function serve(): void {
  const header = { clusterId: 1n, memberId: 1n, leaderId: 1n, term: 1n, revision: 1_000_000n };
  const server = http2.createServer({ settings: { initialWindowSize: 4 * 1024 * 1024 } });
  server.on("session", (session) => session.setLocalWindowSize(16 * 1024 * 1024));
  server.on("stream", (stream: http2.ServerHttp2Stream) => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      const { operations } = fromBinary(BatchRequestSchema, Buffer.concat(chunks));
      const results = operations.map(() => {
        const put = create(PutResponseSchema);
        put.revision = 1_000_000n;
        const result = create(OperationResultSchema);
        result.result = { case: "put", value: put };
        return result;
      });
      stream.respond({ ":status": 200, "content-type": "application/proto" });
      stream.end(toBinary(BatchResponseSchema, create(BatchResponseSchema, { header, results })));
    });
  });
  server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
  process.on("disconnect", () => process.exit(0));
}

interface Measurement {
  readonly callers: number;
  readonly perSecond: number;
  readonly perCpuSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

async function measure(client: Client, callers: number, seconds: number): Promise<Measurement> {
  const value = new Uint8Array(valueBytes).fill(120);
  const latenciesMs: number[] = [];
  let done = 0;
  let running = true;
  const caller = async (id: number): Promise<void> => {
    for (let i = 0; running; i++) {
      const begunMs = performance.now();
      await client.put(`bench/${id}/${i & 1023}`, value);
      if ((done++ & 15) === 0) latenciesMs.push(performance.now() - begunMs);
    }
  };
  const begunMs = performance.now();
  const begunCpu = process.cpuUsage();
  const all = Array.from({ length: callers }, (_, id) => caller(id));
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  const elapsedSeconds = (performance.now() - begunMs) / 1_000;
  const cpu = process.cpuUsage(begunCpu);
  const count = done;
  running = false;
  await Promise.all(all);
  latenciesMs.sort((a, b) => a - b);
  const at = (share: number) => latenciesMs[Math.floor(latenciesMs.length * share)] ?? 0;
  return {
    callers,
    perSecond: count / elapsedSeconds,
    perCpuSecond: count / ((cpu.user + cpu.system) / 1e6),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  };
}

async function main(): Promise<void> {
  const [callers, seconds] = [process.argv[2], process.argv[3] ?? "3"];
  const server = fork(import.meta.filename, ["--server"], { stdio: "inherit" });
  const [port] = (await once(server, "message")) as [number];
  const client = new Client({ endpoints: [`http://127.0.0.1:${port}`], discover: false });
  try {
    await measure(client, 1_000, 1);
    for (const count of callers === undefined ? [1, 50, 1_000] : [Number(callers)]) {
      const result = await measure(client, count, Number(seconds));
      console.log(
        `${String(result.callers).padStart(5)} callers  ${Math.round(result.perSecond)} puts/s  ` +
          `${Math.round(result.perCpuSecond)} puts per CPU second  ` +
          `p50 ${result.p50Ms.toFixed(2)} ms  p99 ${result.p99Ms.toFixed(2)} ms`,
      );
    }
  } finally {
    client.close();
    server.kill();
  }
}

if (process.argv[2] === "--server") serve();
else await main();
