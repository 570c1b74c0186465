import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { reused } from "../reused.ts";
import type { ReplicaApi } from "../runtime/replica-api.ts";
import { type ListenAddress, listen } from "./listen.ts";

export interface MetricsServerOptions {
  readonly metrics: Metrics;
  /** Says why the replica is not ready to serve. */
  readonly api: Pick<ReplicaApi, "readiness">;
  /**
   * Why only a restart would help; empty when none is needed. It must not depend on other members: a probe that
   * kills replicas without a quorum takes away what is left (faults C4).
   */
  readonly liveness?: () => readonly string[];
  /** Answers what is its own and says whether it was. */
  readonly console?: {
    answer(request: IncomingMessage, response: ServerResponse): Promise<boolean>;
  };
  readonly listen: ListenAddress;
  readonly log?: Logger | undefined;
  /** How long an answer may take to be read. */
  readonly answerMaxMs?: number;
}

export interface MetricsServer {
  readonly address: ListenAddress;
  close(): Promise<void>;
}

interface Page {
  readonly status: number;
  readonly contentType: string;
  /** Shared by all to whom it is sent. */
  readonly body: Uint8Array;
}

const CONNECTIONS_MAX = 256;
/** The others have a request under way. */
const UNUSED_MAX = 128;
/** Of one connection; browsers, Prometheus and kubelets wait for an answer before they ask again. */
const UNDER_WAY_MAX = 32;
/** From the request to the last byte of its answer: who reads slower gives up its place. */
const ANSWER_MAX_MS = 10_000;

/** `/metrics`, `/livez`, `/readyz` and the console; never keys or values. */
export async function createMetricsServer(options: MetricsServerOptions): Promise<MetricsServer> {
  const pages: Record<string, () => Page | Promise<Page>> = {
    "/metrics": reused(async () => ({
      status: 200,
      contentType: options.metrics.contentType,
      body: Buffer.from(await options.metrics.render()),
    })),
    "/livez": () => probePage("live", options.liveness?.() ?? []),
    "/readyz": () => probePage("ready", options.api.readiness()),
  };
  const server = createServer({ headersTimeout: 5000, requestTimeout: 10_000, keepAliveTimeout: 5000 });
  server.maxConnections = CONNECTIONS_MAX;
  closeUnused(server);
  closeGreedy(server, options.answerMaxMs ?? ANSWER_MAX_MS);
  server.on("request", (request, response) => {
    answer(pages, options.console, request, response).catch((thrown: unknown) => {
      options.log?.record("metrics.failed", { path: request.url ?? "", err: thrown });
      if (!response.headersSent) send(response, textPage(500, "internal error; the replica's log has more"));
    });
  });
  const address = await listen(server, options.listen, "metrics");
  return {
    address,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Beyond a bound the connection that was unused for longest makes room: a kubelet that is turned away kills. */
function closeUnused(server: Server): void {
  const unused = new Set<Socket>();
  server.on("connection", (socket) => {
    unused.add(socket);
    socket.once("close", () => unused.delete(socket));
    if (unused.size > UNUSED_MAX) unused.values().next().value?.destroy();
  });
  server.on("request", ({ socket }, response) => {
    unused.delete(socket);
    response.once("close", () => {
      if (!socket.destroyed) unused.add(socket);
    });
  });
}

/** Closes a connection that asks for much at once, or does not take what it asked for. */
function closeGreedy(server: Server, answerMaxMs: number): void {
  const underWay = new WeakMap<Socket, number>();
  server.on("request", ({ socket }, response) => {
    const count = (underWay.get(socket) ?? 0) + 1;
    underWay.set(socket, count);
    if (count > UNDER_WAY_MAX) socket.destroy();
    const timer = setTimeout(() => socket.destroy(), answerMaxMs);
    response.once("close", () => {
      clearTimeout(timer);
      underWay.set(socket, (underWay.get(socket) ?? 1) - 1);
    });
  });
}

async function answer(
  pages: Record<string, () => Page | Promise<Page>>,
  console: MetricsServerOptions["console"],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (await console?.answer(request, response)) return;
  const path = (request.url ?? "").split("?", 1)[0]!;
  const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
  if (!page) {
    send(
      response,
      textPage(404, `not found; this port serves ${[...Object.keys(pages), "/console"].join(", ")}`),
    );
  } else if (request.method !== "GET" && request.method !== "HEAD") {
    response.setHeader("allow", "GET, HEAD");
    send(response, textPage(405, "use GET"));
  } else {
    send(response, await page());
  }
}

function probePage(name: "live" | "ready", reasons: readonly string[]): Page {
  const ok = reasons.length === 0;
  const body = Buffer.from(`${JSON.stringify({ [name]: ok, reasons })}\n`);
  return { status: ok ? 200 : 503, contentType: "application/json", body };
}

function textPage(status: number, text: string): Page {
  return { status, contentType: "text/plain; charset=utf-8", body: Buffer.from(`${text}\n`) };
}

function send(response: ServerResponse, { status, contentType, body }: Page): void {
  response.writeHead(status, {
    "content-type": contentType,
    "content-length": body.length,
    "cache-control": "no-store",
  });
  // node:http leaves the body out of an answer to HEAD.
  response.end(body);
}
