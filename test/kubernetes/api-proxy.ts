import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Agent, request } from "node:https";
import type { AddressInfo } from "node:net";
import { setTimeout as timer } from "node:timers/promises";

export interface ProxiedCall {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly isWatch: boolean;
  /** Of objects: leases and Events are not counted as such. */
  readonly isWrite: boolean;
  readonly body: string;
}

export interface ProxiedAnswer {
  readonly status: number;
  readonly body: string;
}

/** What the proxy does with a call. */
export type Fate =
  | "pass"
  /** Carries it out and closes the connection. */
  | "lose-answer"
  /** Closes the connection. */
  | "lose-call"
  /** Never answers. */
  | "hang"
  /** Answers in the place of the server. */
  | ProxiedAnswer;

export interface Interference {
  /** Before the call is carried out. */
  before?(call: ProxiedCall): Fate | Promise<Fate>;
  /** After it was, before its answer is given. */
  after?(call: ProxiedCall, answer: ProxiedAnswer): Fate | Promise<Fate>;
  /** Milliseconds by which each piece of a watch is late. */
  watchDelayMs?(): number;
}

/** Lies between an operator and the API server, and does what networks and servers in trouble do. */
export class ApiProxy {
  readonly #target: string;
  readonly #agent = new Agent({ keepAlive: true, rejectUnauthorized: false });
  readonly #server: Server;
  interference: Interference = {};

  private constructor(target: string) {
    this.#target = target;
    this.#server = createServer((incoming, outgoing) => {
      this.#handle(incoming, outgoing).catch(() => outgoing.destroy());
    });
  }

  static async start({ url }: { readonly url: string }): Promise<ApiProxy> {
    const proxy = new ApiProxy(url);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    this.#agent.destroy();
  }

  async #handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const call = callFrom(incoming, await textOf(incoming));
    const fate = (await this.interference.before?.(call)) ?? "pass";
    if (fate === "hang") return;
    if (fate === "lose-call") return void outgoing.destroy();
    if (typeof fate === "object") return give(outgoing, fate);
    const response = await this.#forward(incoming, call);
    if (call.isWatch) return this.#stream(response, outgoing);
    const answer = { status: response.statusCode ?? 0, body: await textOf(response) };
    const after = fate === "pass" ? ((await this.interference.after?.(call, answer)) ?? "pass") : fate;
    if (after === "hang") return;
    if (after === "lose-answer" || after === "lose-call") return void outgoing.destroy();
    give(outgoing, typeof after === "object" ? after : answer);
  }

  #forward(incoming: IncomingMessage, call: ProxiedCall): Promise<IncomingMessage> {
    const { host: _host, connection: _connection, ...headers } = incoming.headers;
    return new Promise((resolve, reject) => {
      const outgoing = request(`${this.#target}${call.path}`, {
        method: call.method,
        agent: this.#agent,
        headers: { ...headers, "accept-encoding": "identity" },
      });
      outgoing.once("response", resolve);
      outgoing.once("error", reject);
      if (call.isWatch) incoming.once("close", () => outgoing.destroy());
      outgoing.end(call.body === "" ? undefined : call.body);
    });
  }

  async #stream(response: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    outgoing.writeHead(response.statusCode ?? 500, { "content-type": "application/json" });
    outgoing.flushHeaders();
    outgoing.once("close", () => response.destroy());
    for await (const chunk of response) {
      const delayMs = this.interference.watchDelayMs?.() ?? 0;
      if (delayMs > 0) await timer(delayMs);
      outgoing.write(chunk);
    }
    outgoing.end();
  }
}

/** Of the status subresource, and not of something that is called so. */
export function isOfStatus(path: string): boolean {
  return /\/status(\?|$)/.test(path);
}

function callFrom({ method = "GET", url = "/" }: IncomingMessage, body: string): ProxiedCall {
  const isWatch = method === "GET" && /[?&]watch=(true|1)/.test(url);
  const isWrite = method !== "GET" && !/\/(leases|events)(\/|\?|$)/.test(url);
  return { method, path: url, isWatch, isWrite, body };
}

function give(outgoing: ServerResponse, { status, body }: ProxiedAnswer): void {
  outgoing.writeHead(status, { "content-type": "application/json" });
  outgoing.end(body);
}

async function textOf(stream: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** A refusal as the API server writes it. */
export function refusal(code: number, reason: string, message = "refused by the test"): ProxiedAnswer {
  const status = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, code };
  return { status: code, body: JSON.stringify(status) };
}
