import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from "node:http2";
import { Metrics } from "../metrics.ts";
import type { RpcLimits } from "../runtime/replica-api.ts";
import { type ClientServer, type ClientServerOptions, createClientServer } from "./client-server.ts";
import { FakeReplica, testLimits } from "./fake-replica.ts";

/** A client port over a replica in memory, and raw requests to it, for tests. */
export interface Harness {
  readonly api: FakeReplica;
  readonly metrics: Metrics;
  readonly server: ClientServer;
  readonly port: number;
  readonly baseUrl: string;
  session(): ClientHttp2Session;
  /** The page of /metrics. */
  scrape(): Promise<string>;
  close(): Promise<void>;
}

export async function startHarness(
  options: Partial<Omit<ClientServerOptions, "limits">> & { readonly limits?: Partial<RpcLimits> } = {},
): Promise<Harness> {
  const api = new FakeReplica();
  const metrics = new Metrics({ processMetrics: false });
  const server = await createClientServer({
    api,
    metrics,
    listen: { host: "127.0.0.1", port: 0 },
    ...options,
    limits: { ...testLimits, ...options.limits },
  });
  const { port } = server.address;
  const baseUrl = `http://127.0.0.1:${port}`;
  const sessions: ClientHttp2Session[] = [];
  return {
    api,
    metrics,
    server,
    port,
    baseUrl,
    session() {
      const session = connect(baseUrl);
      session.on("error", () => {});
      sessions.push(session);
      return session;
    },
    scrape: () => metrics.render(),
    async close() {
      for (const session of sessions) session.destroy();
      await server.close(100);
    },
  };
}

/** An answer as it came over HTTP/2. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The code of RST_STREAM; 0 for none, or for NO_ERROR. */
  readonly resetCode: number;
}

export function rawCall(
  session: ClientHttp2Session,
  path: string,
  headers: Record<string, string>,
  body: Uint8Array,
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":method": "POST", ":path": path, ...headers });
    let status = 0;
    let responseHeaders: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    const chunks: Buffer[] = [];
    stream.on("response", (received) => {
      responseHeaders = received;
      status = Number(received[":status"]);
    });
    stream.on("trailers", (received) => {
      trailers = received;
    });
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    let failure: Error | undefined;
    stream.on("error", (error) => {
      failure = error;
    });
    stream.on("close", () => {
      if (status === 0) {
        reject(failure ?? new Error(`closed without an answer, code ${stream.rstCode}`));
        return;
      }
      const resetCode = stream.rstCode ?? 0;
      resolve({ status, headers: responseHeaders, trailers, body: Buffer.concat(chunks), resetCode });
    });
    // A GET has ended with its headers.
    if (body.length > 0) stream.end(body);
    else stream.end();
  });
}

/** A message in a gRPC envelope. */
export function envelope(message: Uint8Array, flags = 0): Buffer {
  const header = Buffer.alloc(5);
  header[0] = flags;
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

/** Waits for a condition; fails after the deadline. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  deadlineMs = 10_000,
): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
