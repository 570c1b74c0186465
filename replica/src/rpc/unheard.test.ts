import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { KvService } from "@rstore/proto/rstore/v1/kv";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Harness, startHarness, until } from "./rpc-harness.ts";

let harness: Harness;
let release: () => void;
beforeEach(async () => {
  harness = await startHarness();
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  harness.api.before = () => held;
});
afterEach(() => harness.close());

const call = { key: Buffer.from("a"), value: Buffer.from("b") };

/** HTTP/2 keeps the order of one connection: by the answer to the next call the end of the first is known. */
async function nextIsAnswered(client: Client<typeof KvService>): Promise<void> {
  harness.api.before = () => {};
  await client.get({ key: call.key });
}

/** In HTTP/1.1 whoever does not wait closes the connection. */
const connectionIsClosed = () =>
  until(async () => (await harness.scrape()).includes("rstore_rpc_connections 0\n"), "a closed connection");

describe.each([
  ["gRPC", () => createGrpcTransport({ baseUrl: harness.baseUrl }), nextIsAnswered],
  [
    "Connect over HTTP/2",
    () => createConnectTransport({ baseUrl: harness.baseUrl, httpVersion: "2" }),
    nextIsAnswered,
  ],
  [
    "Connect over HTTP/1.1",
    () => createConnectTransport({ baseUrl: harness.baseUrl, httpVersion: "1.1" }),
    connectionIsClosed,
  ],
] as const)("a call by %s whose caller is gone before the answer", (_name, transport, noticed) => {
  async function counted(
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
    code: string,
  ) {
    const client = createClient(KvService, transport());
    await expect(client.put(call, options)).rejects.toThrow();
    await noticed(client);
    release();
    const line = `{service="rstore.v1.KvService",method="Put",code="${code}"} 1\n`;
    await until(async () => (await harness.scrape()).includes(line), line);
  }

  it("counts as one over its deadline, when that was its own: the store did not answer in time", () =>
    counted({ timeoutMs: 600 }, "deadline_exceeded"));

  it("counts as cancelled, when it had time left", async () => {
    const caller = new AbortController();
    const begun = until(() => harness.api.calls.length === 1, "a call").then(() => caller.abort());
    await counted({ timeoutMs: 60_000, signal: caller.signal }, "canceled");
    await begun;
  });
});
