import type { ResponseHeader } from "@rstore/proto/rstore/v1/kv";
import { Connection, type ConnectionOptions } from "./connection.ts";
import type { ErrorFacts } from "./errors.ts";

/** Members that are remembered beyond the configured endpoints. */
const learnedMax = 32;
const restFirstMs = 100;
const restMaxMs = 5_000;

export interface Endpoint {
  readonly url: string;
  readonly connection: Connection;
  /** Given by the user, and so never forgotten. */
  readonly configured: boolean;
  failures: number;
  /** Not to be tried before, while there is another. On the clock of performance.now(). */
  restUntilMs: number;
}

/** The replicas that a client knows, which of them leads, and which have failed of late. */
export class Endpoints {
  readonly #options: Partial<ConnectionOptions>;
  readonly #known = new Map<string, Endpoint>();
  #leader: { readonly url: string; readonly term: bigint } | undefined;
  #next = 0;

  constructor(urls: readonly string[], options: Partial<ConnectionOptions> = {}) {
    this.#options = options;
    for (const url of urls) this.#add(url, true);
  }

  get urls(): string[] {
    return [...this.#known.keys()];
  }

  get leaderUrl(): string | undefined {
    return this.#leader?.url;
  }

  /** The leader; while it is unknown or failing, any member, which then forwards. */
  forLeader(nowMs: number): Endpoint {
    const leader = this.#leader === undefined ? undefined : this.#known.get(this.#leader.url);
    if (leader !== undefined && leader.restUntilMs <= nowMs) return leader;
    return this.any(nowMs);
  }

  /** Members in turn, leaving out those that failed of late. */
  any(nowMs: number): Endpoint {
    const all = [...this.#known.values()];
    const ready = all.filter((endpoint) => endpoint.restUntilMs <= nowMs);
    if (ready.length === 0) return all.reduce((a, b) => (b.restUntilMs < a.restUntilMs ? b : a));
    this.#next = (this.#next + 1) % ready.length;
    return ready[this.#next]!;
  }

  /** The endpoint with this URL, for calls that speak about one replica. */
  at(url: string): Endpoint {
    const normal = normalUrl(url);
    return this.#known.get(normal) ?? this.#makeRoom().#add(normal, false);
  }

  /** Every answer says who leads; the word of the highest term counts, so a deposed leader's does not. */
  observe(header: ResponseHeader | undefined): void {
    if (header === undefined || header.leaderClientUrl === "") return;
    if (this.#leader !== undefined && header.term < this.#leader.term) return;
    if (this.#leader?.url === header.leaderClientUrl && this.#leader.term === header.term) return;
    this.#lead(header.leaderClientUrl, header.term);
  }

  /** An error that names the leader, without a term: taken as news of the present term. */
  observeError(facts: ErrorFacts): void {
    if (facts.leaderClientUrl !== undefined) this.#lead(facts.leaderClientUrl, this.#leader?.term ?? 0n);
  }

  succeeded(endpoint: Endpoint): void {
    endpoint.failures = 0;
    endpoint.restUntilMs = 0;
  }

  failed(endpoint: Endpoint, nowMs: number): void {
    endpoint.failures++;
    endpoint.restUntilMs = nowMs + Math.min(restMaxMs, restFirstMs * 2 ** Math.min(endpoint.failures - 1, 8));
  }

  /** The client URLs of the members now; learned ones that are no longer members are forgotten. */
  learn(urls: readonly string[]): void {
    const members = new Set(urls.map(normalUrl).filter((url) => url !== ""));
    if (members.size === 0) return;
    for (const endpoint of this.#known.values()) {
      if (!endpoint.configured && !members.has(endpoint.url)) this.#forget(endpoint);
    }
    for (const url of members) {
      if (!this.#known.has(url) && this.#known.size < learnedMax) this.#add(url, false);
    }
  }

  close(): void {
    for (const { connection } of this.#known.values()) connection.close();
  }

  #lead(leaderUrl: string, term: bigint): void {
    const url = normalUrl(leaderUrl);
    if (url === "") return;
    if (!this.#known.has(url)) this.#makeRoom().#add(url, false);
    this.#leader = { url, term };
  }

  #add(url: string, configured: boolean): Endpoint {
    const normal = normalUrl(url);
    const endpoint: Endpoint = {
      url: normal,
      connection: new Connection(normal, this.#options),
      configured,
      failures: 0,
      restUntilMs: 0,
    };
    this.#known.set(normal, endpoint);
    return endpoint;
  }

  #makeRoom(): this {
    const learned = [...this.#known.values()].filter(({ configured }) => !configured);
    if (learned.length >= learnedMax) this.#forget(learned[0]!);
    return this;
  }

  #forget(endpoint: Endpoint): void {
    if (endpoint.connection.inflight > 0) return;
    endpoint.connection.close();
    this.#known.delete(endpoint.url);
  }
}

/** The origin of a URL, `http://` added where the scheme is missing; empty when it can't be one. */
export function normalUrl(text: string): string {
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  if (!URL.canParse(withScheme)) return "";
  const url = new URL(withScheme);
  return url.protocol === "http:" || url.protocol === "https:" ? url.origin : "";
}
