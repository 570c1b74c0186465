import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createKubeClient } from "./kube-client.ts";
import { WatchCache } from "./watch-cache.ts";

const patience = { timeout: 5_000 };
const resources = { kind: "APIResourceList", resources: [{ name: "pods", kind: "Pod", namespaced: true }] };
const growing = [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000];

let nowMs = 0;
let delaysMs: number[] = [];
let due: (() => void) | undefined;
let interruptions: string[] = [];
let changes: (string | undefined)[] = [];
let server: Server | undefined;
let cache: WatchCache<object> | undefined;

/** Of the API server; a list is empty and a watch stays open unless a test says otherwise. */
let onList: (response: ServerResponse) => void;
let onWatch: (response: ServerResponse) => void;

const clock = {
  nowMs: () => nowMs,
  after(delayMs: number, callback: () => void) {
    delaysMs.push(delayMs);
    due = callback;
    return () => {};
  },
};

beforeEach(() => {
  nowMs = 0;
  delaysMs = [];
  due = undefined;
  interruptions = [];
  changes = [];
  onList = (response) =>
    answer(response, 200, { kind: "PodList", metadata: { resourceVersion: "5" }, items: [] });
  onWatch = (response) => response.writeHead(200).flushHeaders();
});

afterEach(async () => {
  await cache?.stop();
  cache = undefined;
  server?.closeAllConnections();
  await new Promise((resolve) => (server === undefined ? resolve(0) : server.close(resolve)));
  server = undefined;
});

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function refuse(status: number) {
  return (response: ServerResponse) =>
    answer(response, status, { kind: "Status", message: `refused: ${status}` });
}

function serve({ url = "" }: IncomingMessage, response: ServerResponse): void {
  if (url === "/api/v1") answer(response, 200, resources);
  else if (url.includes("watch=true")) onWatch(response);
  else onList(response);
}

async function listen(): Promise<string> {
  server = createServer(serve);
  await new Promise<void>((resolve) => server!.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function watchPods(url: string): WatchCache<object> {
  const config = new KubeConfig();
  config.loadFromClusterAndUser({ name: "here", server: url, skipTLSVerify: true }, { name: "nobody" });
  cache = new WatchCache<object>({
    config,
    client: createKubeClient(config, { fieldManager: "test", plurals: {} }),
    clock,
    kind: { apiVersion: "v1", kind: "Pod" },
    plural: "pods",
    changed: ({ metadata }) => changes.push(metadata?.name),
    interrupted: (_, message) => interruptions.push(message),
  });
  cache.start();
  return cache;
}

/** The pauses before so many attempts, of which each fails. */
async function pauses(count: number): Promise<number[]> {
  for (;;) {
    await expect.poll(() => due, patience).toBeDefined();
    if (delaysMs.length >= count) return delaysMs;
    nowMs += delaysMs.at(-1)!;
    const next = due!;
    due = undefined;
    next();
  }
}

function event(type: string, name: string, resourceVersion: string): string {
  return `${JSON.stringify({ type, object: { kind: "Pod", metadata: { name, resourceVersion } } })}\n`;
}

describe("contact with the API server", () => {
  it("is none when nothing listens, and attempts become rare", async () => {
    const of = watchPods("http://127.0.0.1:1");
    expect(await pauses(growing.length)).toEqual(growing);
    expect(nowMs).toBeGreaterThan(60_000);
    expect(of.lastContactMs).toBe(0);
    expect(of.synced).toBe(false);
    expect(interruptions).toHaveLength(growing.length);
  });

  it("is none when it stops answering after it was heard of", async () => {
    let opened: ServerResponse | undefined;
    onWatch = (response) => {
      opened = response.writeHead(200);
      response.flushHeaders();
    };
    const of = watchPods(await listen());
    await expect.poll(() => opened, patience).toBeDefined();
    server!.close();
    server!.closeAllConnections();
    await pauses(growing.length);
    expect(nowMs).toBeGreaterThan(60_000);
    expect(of.lastContactMs).toBe(0);
  });

  it.each([403, 404, 410, 500])(
    "is a refusal of a list with %i too, and attempts become rare",
    async (status) => {
      onList = refuse(status);
      const of = watchPods(await listen());
      expect(await pauses(growing.length)).toEqual(growing);
      expect(of.lastContactMs).toBe(nowMs);
      expect(of.synced).toBe(false);
    },
  );

  it("is a refusal of a watch too, and attempts become rare", async () => {
    onWatch = refuse(403);
    const of = watchPods(await listen());
    expect(await pauses(growing.length)).toEqual(growing);
    expect(of.lastContactMs).toBe(nowMs);
  });

  it("is a list that succeeds: the next pause is the first one again", async () => {
    onList = refuse(503);
    onWatch = refuse(403);
    const of = watchPods(await listen());
    await pauses(4);
    onList = (response) => answer(response, 200, { metadata: { resourceVersion: "5" }, items: [] });
    expect(await pauses(6)).toEqual([500, 1000, 2000, 4000, 500, 1000]);
    expect(of.synced).toBe(true);
  });

  it.each<[what: string, open: (response: ServerResponse) => void, next: number]>([
    ["that ends as it should is a success", (response) => response.end(), 500],
    ["that breaks at once is none", (response) => setImmediate(() => response.destroy()), 4000],
  ])("a watch %s for the next pause", async (_, open, next) => {
    onWatch = refuse(403);
    watchPods(await listen());
    await pauses(3);
    onWatch = (response) => {
      onWatch = refuse(403);
      response.writeHead(200).flushHeaders();
      open(response);
    };
    expect(await pauses(4)).toEqual([500, 1000, 2000, next]);
  });

  it("is a watch that is begun, also when it brings nothing", async () => {
    onWatch = (response) => {
      nowMs += 100;
      response.writeHead(200).flushHeaders();
      if (nowMs === 100) response.end();
    };
    const of = watchPods(await listen());
    await expect.poll(() => of.lastContactMs, patience).toBe(200);
    expect(delaysMs).toEqual([]);
  });

  it.each(["BOOKMARK", "ADDED"])("is an event of kind %s, and what changed is told", async (type) => {
    let opened: ServerResponse | undefined;
    onWatch = (response) => {
      opened = response.writeHead(200);
      response.flushHeaders();
    };
    const of = watchPods(await listen());
    await expect.poll(() => opened, patience).toBeDefined();
    nowMs = 70;
    opened!.write(event(type, "a", "6"));
    await expect.poll(() => of.lastContactMs, patience).toBe(70);
    expect(changes).toEqual(type === "ADDED" ? ["a"] : []);
    expect(of.list()).toHaveLength(changes.length);
  });
});

it("begins anew from credentials that can't be read, also when a watch is begun again", async () => {
  let opened: ServerResponse | undefined;
  onWatch = (response) => {
    opened = response.writeHead(200);
    response.flushHeaders();
  };
  const url = await listen();
  const authenticate = KubeConfig.prototype.applySecurityAuthentication;
  watchPods(url);
  await expect.poll(() => opened, patience).toBeDefined();
  KubeConfig.prototype.applySecurityAuthentication = () => Promise.reject(new Error("no token"));
  try {
    opened!.end();
    await expect.poll(() => interruptions, patience).toEqual(["no token"]);
    expect(delaysMs).toEqual([500]);
  } finally {
    KubeConfig.prototype.applySecurityAuthentication = authenticate;
  }
});
