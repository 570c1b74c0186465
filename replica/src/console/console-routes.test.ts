import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { ConsoleLook } from "./console-news.ts";
import { ConsoleRoutes } from "./console-routes.ts";
import type { ConsoleState, HistoryRow } from "./console-state.ts";
import { sampleState } from "./testing/sample-state.ts";

let server: Server;
let base: string;
beforeAll(async () => {
  const routes = new ConsoleRoutes({ look: async () => sampleLook() });
  server = createServer((request, response) => {
    void routes.answer(request, response).then((mine) => {
      if (!mine) response.writeHead(418).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

it("serves the page and every file that it names, under a policy that allows nothing else", async () => {
  const page = await fetch(`${base}/console`);
  expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
  const html = await page.text();
  const named = [...html.matchAll(/(?:src|href)="(console\/[^"]+)"/g)].map((match) => `/${match[1]}`);
  expect(new Set(named)).toEqual(new Set(["/console/icon.svg", "/console/console.css", "/console/main.ts"]));
  const open = [...named];
  const seen = new Set<string>();
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    const answer = await fetch(base + path);
    expect({ path, status: answer.status }).toEqual({ path, status: 200 });
    const text = await answer.text();
    if (!path.endsWith(".ts")) continue;
    expect(answer.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    expect(() => new Function(text.replace(/^import [^;]*;/gm, "").replace(/^export /gm, ""))).not.toThrow();
    for (const match of text.matchAll(/ from "\.\/(.+)";$/gm)) open.push(`/console/${match[1]}`);
  }
  expect(seen.size).toBeGreaterThan(10);
  expect(html).not.toMatch(/<script>|<style>| style=| on\w+=|https?:\/\//);
});

it("every answer carries the headers, also a refusal", async () => {
  for (const path of ["/console", "/console/state.json", "/console/console.css", "/console/nothing"]) {
    const { headers } = await fetch(base + path);
    expect(headers.get("content-security-policy")).toMatch(
      /^default-src 'none'; script-src 'self'; .*frame-ancestors 'none'$/,
    );
    expect(headers.get("content-security-policy")).not.toContain("unsafe");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
  }
});

it("answers GET and HEAD alone, and nothing outside of its folder", async () => {
  for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
    for (const path of ["/console", "/console/state.json"]) {
      const answer = await fetch(base + path, { method });
      expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    }
  }
  expect((await fetch(`${base}/console`, { method: "HEAD" })).status).toBe(200);
  for (const path of [
    "/console/..%2fassets.ts",
    "/console/assets.ts",
    "/console/format.test.ts",
    "/console/tsconfig.json",
  ]) {
    expect({ path, status: (await fetch(base + path)).status }).toEqual({ path, status: 404 });
  }
  for (const path of ["/", "/consoles", "/metrics"]) expect((await fetch(base + path)).status).toBe(418);
  expect((await fetch(`${base}/console/`, { redirect: "manual" })).headers.get("location")).toBe("/console");
});

it("looks once for all who ask at the same time, whatever their cursors", async () => {
  let looks = 0;
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const routes = new ConsoleRoutes({
    look: async () => {
      looks += 1;
      await held;
      return sampleLook();
    },
  });
  const answers = ["", "?after=x.5.0", "?after=x.4.0", "?after=y.1.2", "?after="].map((query) =>
    ask(routes, query),
  );
  release();
  const bodies = await Promise.all(answers);
  expect(looks).toBe(1);
  const [all, none, one, ...others] = bodies.map((body) => JSON.parse(String(body)) as ConsoleState);
  expect(all).toEqual(sampleLook().state);
  expect([none, one].map((news) => [news?.full, news?.history])).toEqual([
    [false, []],
    [false, [row(5)]],
  ]);
  expect(others).toEqual([all, all]);
});

it("who is far behind gets the same bytes as who has no cursor", async () => {
  const routes = new ConsoleRoutes({ look: async () => sampleLook(500) });
  const bodies = await Promise.all(["", "?after=x.1.0", "?after=x.439.0"].map((query) => ask(routes, query)));
  expect(new Set(bodies).size).toBe(1);
  expect((await ask(routes, "?after=x.440.0")).length).toBeLessThan(bodies[0]!.length / 2);
});

function row(at: number): HistoryRow {
  return [at, 0, 0, 0, null, null, null, null];
}

function sampleLook(rows = 5): ConsoleLook {
  const history = Array.from({ length: rows }, (_, at) => row(at + 1));
  return { state: sampleState({ cursor: `x.${rows}.0`, history }), eventNumbers: [] };
}

/** The state as a request gets it. */
async function ask(routes: ConsoleRoutes, query: string): Promise<Buffer> {
  let body: Buffer = Buffer.alloc(0);
  const response = {
    setHeader() {},
    writeHead() {},
    end(bytes: Buffer) {
      body = bytes;
    },
  };
  await routes.answer(
    { method: "GET", url: `/console/state.json${query}` } as IncomingMessage,
    response as unknown as ServerResponse,
  );
  return body;
}

it("lets files be kept until they change", async () => {
  const first = await fetch(`${base}/console/main.ts`);
  const etag = first.headers.get("etag")!;
  expect((await fetch(`${base}/console/main.ts`, { headers: { "if-none-match": etag } })).status).toBe(304);
});
