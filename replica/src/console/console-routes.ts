import type { IncomingMessage, ServerResponse } from "node:http";
import { reused } from "../reused.ts";
import { type ConsoleAsset, loadAssets } from "./assets.ts";
import type { Console } from "./console.ts";
import { type ConsoleLook, newsSince } from "./console-news.ts";
import type { ConsoleState } from "./console-state.ts";

const basePath = "/console";
const statePath = `${basePath}/state.json`;

/**
 * The page loads nothing from anywhere else, runs no script that is written into it, sends nothing, and is shown
 * in no other page.
 */
const securityHeaders: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
};

/** `/console` and what is below it, over GET alone. */
export class ConsoleRoutes {
  readonly #console: Pick<Console, "look">;
  readonly #looked = reused(() => this.#look());
  /** Loaded when somebody looks for the first time. */
  #assets: ReadonlyMap<string, ConsoleAsset> | undefined;

  constructor(console: Pick<Console, "look">) {
    this.#console = console;
  }

  /** False: it is another path, and nothing was answered. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const url = request.url ?? "";
    const [path = "", query = ""] = url.split("?", 2);
    if (path !== basePath && !path.startsWith(`${basePath}/`)) return false;
    for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("allow", "GET, HEAD");
      send(response, 405, "text/plain; charset=utf-8", Buffer.from("use GET\n"));
    } else if (path === statePath) {
      const { look, everything } = await this.#looked();
      const news = newsSince(look, new URLSearchParams(query).get("after") ?? "");
      send(response, 200, "application/json", news === undefined ? everything() : bytesOf(news));
    } else {
      this.#answerAsset(path, request, response);
    }
    return true;
  }

  /** Whoever asks at the same time shares the look, and the bytes of all of it: by far the largest answer. */
  async #look(): Promise<{ readonly look: ConsoleLook; readonly everything: () => Buffer }> {
    const look = await this.#console.look();
    let bytes: Buffer | undefined;
    const everything = () => {
      bytes ??= bytesOf(look.state);
      return bytes;
    };
    return { look, everything };
  }

  #answerAsset(path: string, request: IncomingMessage, response: ServerResponse): void {
    this.#assets ??= new Map(loadAssets().map((asset) => [`${basePath}${asset.path}`, asset]));
    if (path === `${basePath}/`) {
      response.setHeader("location", basePath);
      send(response, 308, "text/plain; charset=utf-8", Buffer.from(`${basePath}\n`));
      return;
    }
    const asset = this.#assets.get(path);
    if (asset === undefined) {
      send(response, 404, "text/plain; charset=utf-8", Buffer.from("not found\n"));
      return;
    }
    response.setHeader("etag", asset.etag);
    if (request.headers["if-none-match"] === asset.etag) {
      response.writeHead(304, { "cache-control": "no-cache" });
      response.end();
      return;
    }
    send(response, 200, asset.contentType, asset.body, "no-cache");
  }
}

function bytesOf(state: ConsoleState): Buffer {
  return Buffer.from(JSON.stringify(state));
}

function send(
  response: ServerResponse,
  status: number,
  contentType: string,
  body: Uint8Array,
  cacheControl = "no-store",
): void {
  response.writeHead(status, {
    "content-type": contentType,
    "content-length": body.length,
    "cache-control": cacheControl,
  });
  // node:http leaves the body out of an answer to HEAD.
  response.end(body);
}
