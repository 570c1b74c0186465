import { fork } from "node:child_process";
import * as http2 from "node:http2";
import * as net from "node:net";
import { create } from "@bufbuild/protobuf";
import { MemberKind } from "@rstore/proto/rstore/v1/cluster";
import { Outcome, PutRequestSchema, Reason } from "@rstore/proto/rstore/v1/kv";
import { afterEach, describe, expect, test } from "vitest";
import { Client, type ClientOptions } from "./client.ts";
import { RstoreError, textFrom } from "./index.ts";
import { type FakeHooks, FakeReplica, operationError, wireError } from "./testing/fake-replica.ts";
import { FakeStore } from "./testing/fake-store.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function replica(hooks: FakeHooks = {}, store?: FakeStore): Promise<FakeReplica> {
  const fake = await new FakeReplica(store, hooks).start();
  ends.push(() => fake.stop());
  return fake;
}

function clientOf(
  endpoints: readonly (FakeReplica | string)[],
  options: Partial<ClientOptions> = {},
): Client {
  const urls = endpoints.map((endpoint) => (typeof endpoint === "string" ? endpoint : endpoint.url));
  const client = new Client({ endpoints: urls, discover: false, ...options });
  ends.push(() => client.close());
  return client;
}

async function failure(promise: Promise<unknown>): Promise<RstoreError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(RstoreError);
  return error as RstoreError;
}

/** A port on which nothing listens. */
async function closedUrl(): Promise<string> {
  const fake = await new FakeReplica().start();
  await fake.stop();
  return fake.url;
}

describe("operations", () => {
  test("what is put is got, with its revisions; text and bytes alike", async () => {
    const client = clientOf([await replica()]);
    const { revision } = await client.put("a", "first");
    await client.put("a", new Uint8Array([0, 255]));
    const { keyValue } = await client.get("a");
    expect(keyValue).toEqual({
      key: new TextEncoder().encode("a"),
      value: new Uint8Array([0, 255]),
      createRevision: revision,
      modRevision: revision + 1n,
      version: 2n,
    });
    expect((await client.get("b")).keyValue).toBeUndefined();
    expect((await client.delete("a")).deleted).toBe(1n);
    expect((await client.get("a")).keyValue).toBeUndefined();
  });

  test("an empty or an oversized key is refused before anything is sent", async () => {
    const fake = await replica();
    const client = clientOf([fake]);
    for (const key of ["", "k".repeat(1_025)]) {
      const error = await failure(client.put(key, "v"));
      expect(error).toMatchObject({ reason: "invalid-argument", outcome: "not-applied" });
    }
    expect(fake.batches).toHaveLength(0);
  });

  test("pages of a range are read at one revision, forwards and backwards", async () => {
    const fake = await replica();
    const client = clientOf([fake]);
    const keys = Array.from({ length: 10 }, (_, i) => `p/${i}`);
    await client.batch([...keys, "q"].map((key) => ({ type: "put", key, value: key })));
    const { revision } = await client.range({ prefix: "p/", limit: 1 });
    const read = async (reverse: boolean) => {
      const got: string[] = [];
      for await (const page of client.rangePages({ prefix: "p/", pageSize: 3, reverse })) {
        if (got.length === 0) await client.put("q", "moves the revision on");
        else expect(page.revision).toBe(reverse ? revision + 1n : revision);
        got.push(...page.keyValues.map(({ key }) => textFrom(key)));
      }
      return got;
    };
    expect(await read(false)).toEqual(keys);
    expect(await read(true)).toEqual([...keys].reverse());
    const sizes: number[] = [];
    for await (const page of client.rangePages({ prefix: "p/", pageSize: 3, limit: 4 })) {
      sizes.push(page.keyValues.length);
    }
    expect(sizes).toEqual([3, 1]);
  });

  test("one operation's failure in a batch is its own", async () => {
    const client = clientOf([await replica()]);
    await client.put("taken", "x");
    const results = await client.batch([
      { type: "put", key: "free", value: "1", expectedModRevision: 0n },
      { type: "put", key: "taken", value: "2", expectedModRevision: 0n },
      { type: "get", key: "taken" },
      { type: "delete", key: "absent" },
    ]);
    expect(results.map(({ type }) => type)).toEqual(["put", "failed", "get", "delete"]);
    const failed = results[1]!;
    if (failed.type !== "failed") throw new Error("expected a failure");
    expect(failed.error).toMatchObject({ reason: "compare-failed", outcome: "not-applied" });
    expect(failed.error.facts.revision).toBe(2n);
  });
});

describe("batching", () => {
  test("a lone call is a request at once; calls of one turn share one; bounds hold", async () => {
    const fake = await replica();
    const client = clientOf([fake], { batchMaxOperations: 10, inflightMaxRequests: 2 });
    await client.put("lone", "v");
    expect(fake.batches.map(({ operations }) => operations.length)).toEqual([1]);
    await Promise.all(Array.from({ length: 25 }, (_, i) => client.put(`k${i}`, "v")));
    expect(fake.batches.slice(1).map(({ operations }) => operations.length)).toEqual([10, 10, 5]);
  });

  test("while enough requests are under way, calls gather", async () => {
    const gate = Promise.withResolvers<undefined>();
    const fake = await replica({ batch: () => gate.promise });
    const client = clientOf([fake], { inflightMaxRequests: 1 });
    const first = client.put("first", "v");
    await expect.poll(() => fake.batches.length).toBe(1);
    const rest = Array.from({ length: 7 }, async (_, i) => {
      await new Promise((resolve) => setImmediate(resolve));
      return client.put(`k${i}`, "v");
    });
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    gate.resolve(undefined);
    await Promise.all([first, ...rest]);
    expect(fake.batches.map(({ operations }) => operations.length)).toEqual([1, 7]);
  });

  test("a batch is bounded in bytes", async () => {
    const fake = await replica();
    const client = clientOf([fake], { batchMaxBytes: 10_000 });
    await Promise.all(Array.from({ length: 8 }, (_, i) => client.put(`k${i}`, new Uint8Array(4_000))));
    expect(fake.batches.map(({ operations }) => operations.length)).toEqual([2, 2, 2, 2]);
  });

  test("operations that are too large together go alone", async () => {
    const fake = await replica({
      batch: ({ operations }) => {
        if (operations.length > 1) throw wireError(Reason.TOO_LARGE, Outcome.NOT_APPLIED);
        return undefined;
      },
    });
    const client = clientOf([fake]);
    await Promise.all([client.put("a", "1"), client.put("b", "2")]);
    expect(fake.batches.map(({ operations }) => operations.length)).toEqual([2, 1, 1]);
  });

  test("calls beyond the queue's limit are refused with the limit's name", async () => {
    const gate = Promise.withResolvers<undefined>();
    const fake = await replica({ batch: () => gate.promise });
    const client = clientOf([fake], { inflightMaxRequests: 1, queueMaxOperations: 2 });
    const first = client.put("a", "1");
    await expect.poll(() => fake.batches.length).toBe(1);
    const waiting = [client.put("b", "1"), client.put("c", "1")];
    const error = await failure(client.put("d", "1"));
    expect(error).toMatchObject({ reason: "limit-exceeded", outcome: "not-applied" });
    expect(error.facts.subject).toBe("queueMaxOperations");
    gate.resolve(undefined);
    await Promise.all([first, ...waiting]);
  });
});

describe("retries", () => {
  test("a write that was certainly not applied is sent again, whether the error is the operation's or the request's", async () => {
    let refusals = 2;
    const fake = await replica({
      operation: () => (refusals-- > 0 ? operationError(Reason.NO_LEADER, Outcome.NOT_APPLIED) : undefined),
    });
    const client = clientOf([fake]);
    await client.put("a", "1", { expectedModRevision: 0n });
    expect(fake.batches).toHaveLength(3);
    let errors = 1;
    fake.hooks.batch = () => {
      if (errors-- > 0) throw wireError(Reason.NOT_READY, Outcome.NOT_APPLIED);
      return undefined;
    };
    await client.put("a", "2");
    expect(fake.batches).toHaveLength(5);
  });

  test("a write whose outcome is unknown is never sent again (D9)", async () => {
    const fake = await replica({
      operation: () => operationError(Reason.OUTCOME_UNKNOWN, Outcome.UNKNOWN),
    });
    const client = clientOf([fake]);
    for (const options of [{}, { expectedModRevision: 0n }]) {
      const error = await failure(client.put("a", "1", options));
      expect(error).toMatchObject({ reason: "outcome-unknown", outcome: "unknown" });
    }
    expect(fake.batches).toHaveLength(2);
  });

  test("a connection that breaks under a write leaves its outcome unknown; a read is tried elsewhere (D9)", async () => {
    const store = new FakeStore();
    const never = () => new Promise<undefined>(() => {});
    const hanging = await replica({ batch: never }, store);
    const other = await replica({}, store);
    const client = clientOf([hanging]);
    const write = failure(client.put("a", "1"));
    await expect.poll(() => hanging.batches.length).toBe(1);
    for (const session of hanging.sessions) session.destroy();
    expect(await write).toMatchObject({ reason: "unavailable", outcome: "unknown" });

    store.apply({ operation: { case: "put", value: putOf("a", "2") } } as never);
    const both = clientOf([other, hanging]);
    const read = both.get("a");
    await expect.poll(() => hanging.batches.length + other.batches.length).toBeGreaterThan(1);
    for (const session of hanging.sessions) session.destroy();
    expect(textFrom((await read).keyValue!.value)).toBe("2");
  });

  test("a refused connection is not an unknown outcome: another endpoint takes the write", async () => {
    const fake = await replica();
    const client = clientOf([await closedUrl(), await closedUrl(), fake]);
    for (let i = 0; i < 5; i++) await client.put(`k${i}`, "v", { expectedModRevision: 0n });
    expect(fake.batches).toHaveLength(5);
  });

  test("without any endpoint it fails by the deadline, as not applied, with the reason of the last attempt", async () => {
    const client = clientOf([await closedUrl()], { timeoutMs: 300 });
    const error = await failure(client.put("a", "1"));
    expect(error).toMatchObject({ reason: "unavailable", outcome: "not-applied" });
    expect(error.message).toMatch(/can't connect to http.*ECONNREFUSED.*gave up after/);
  });

  test("a request that the server refused to look at is sent again (REFUSED_STREAM)", async () => {
    const fake = await replica();
    let refusals = 1;
    const client = clientOf([fake]);
    await client.get("warm");
    const [session] = fake.sessions;
    session!.prependListener("stream", (stream) => {
      if (refusals-- > 0) stream.close(7);
    });
    await client.put("a", "1");
    expect(fake.store.revision).toBe(2n);
  });

  test("a time-out after sending is unknown for a write, and its caller's own deadline counts", async () => {
    const fake = await replica({ batch: () => new Promise<undefined>(() => {}) });
    const client = clientOf([fake], { timeoutMs: 60_000 });
    const [short, long] = [failure(client.put("a", "1", { timeoutMs: 150 })), client.put("b", "1")];
    expect(await short).toMatchObject({ reason: "deadline-exceeded", outcome: "unknown" });
    client.close();
    expect((await failure(long)).outcome).toBe("unknown");
  });

  test("a server that takes a write and is silent, but for pings, leaves it unknown at the deadline", async () => {
    const server = http2.createServer();
    const seen = Promise.withResolvers<void>();
    server.on("stream", () => seen.resolve());
    server.on("session", (session) => ends.push(() => session.destroy()));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    ends.push(() => server.close());
    const client = clientOf([`http://127.0.0.1:${(server.address() as net.AddressInfo).port}`]);
    const write = failure(client.put("a", "1", { timeoutMs: 200 }));
    await seen.promise;
    expect(await write).toMatchObject({ reason: "deadline-exceeded", outcome: "unknown" });
  });

  test("a deadline in the queue is certainly not applied", async () => {
    const fake = await replica({ batch: () => new Promise<undefined>(() => {}) });
    const client = clientOf([fake], { timeoutMs: 60_000, inflightMaxRequests: 1 });
    const first = failure(client.put("a", "1"));
    await expect.poll(() => fake.batches.length).toBe(1);
    const queued = await failure(client.put("b", "1", { timeoutMs: 100 }));
    expect(queued).toMatchObject({ reason: "deadline-exceeded", outcome: "not-applied" });
    client.close();
    await first;
  });

  test("a call given up by its caller ends at once, unknown if it was sent", async () => {
    const fake = await replica({ batch: () => new Promise<undefined>(() => {}) });
    const client = clientOf([fake], { inflightMaxRequests: 1 });
    const control = new AbortController();
    const sent = failure(client.put("a", "1", { signal: control.signal }));
    await expect.poll(() => fake.batches.length).toBe(1);
    const queued = failure(client.put("b", "1", { signal: control.signal }));
    control.abort();
    expect(await sent).toMatchObject({ reason: "canceled", outcome: "unknown" });
    expect(await queued).toMatchObject({ reason: "canceled", outcome: "not-applied" });
  });
});

describe("the leader", () => {
  test("answers say who leads, and calls go there; a deposed leader's word does not count", async () => {
    const store = new FakeStore();
    const [follower, leader] = [await replica({}, store), await replica({}, store)];
    follower.leaderClientUrl = leader.url;
    leader.leaderClientUrl = leader.url;
    follower.term = 5n;
    leader.term = 5n;
    const client = clientOf([follower]);
    await client.put("a", "1");
    await client.put("b", "1");
    await client.get("b");
    expect([follower.batches.length, leader.batches.length]).toEqual([1, 2]);
    follower.term = 4n;
    follower.leaderClientUrl = follower.url;
    await client.get("b", { consistency: "serializable" });
    await client.get("b", { consistency: "serializable" });
    expect(client.leaderUrl).toBe(leader.url);
  });

  test("when the leader dies, another member takes the calls (D11)", async () => {
    const store = new FakeStore();
    const [follower, leader] = [await replica({}, store), await replica({}, store)];
    follower.leaderClientUrl = leader.url;
    leader.leaderClientUrl = leader.url;
    const client = clientOf([follower]);
    await client.put("a", "1");
    await client.put("b", "1");
    await leader.stop();
    // It still names the dead one, as a follower does until the election.
    for (let i = 0; i < 5; i++) await client.put(`c${i}`, "1");
    follower.term = 2n;
    follower.leaderClientUrl = follower.url;
    await client.put("d", "1");
    expect(client.leaderUrl).toBe(follower.url);
  });

  test("an error that names the leader redirects the call", async () => {
    const store = new FakeStore();
    const leader = await replica({}, store);
    const detail = { leaderClientUrl: leader.url };
    const follower = await replica(
      { operation: () => operationError(Reason.NOT_LEADER, Outcome.NOT_APPLIED, detail) },
      store,
    );
    await clientOf([follower]).put("a", "1");
    expect([follower.batches.length, leader.batches.length]).toEqual([1, 1]);
  });

  test("members are learned, and serve when the endpoints given are gone; serializable reads are spread", async () => {
    const store = new FakeStore();
    const fakes = [await replica({}, store), await replica({}, store), await replica({}, store)];
    const listMembers = () => ({
      members: fakes.map(({ url }, i) => ({ id: BigInt(i + 1), clientUrl: url, kind: MemberKind.VOTER })),
    });
    for (const fake of fakes) fake.hooks.cluster = { listMembers };
    const given = await new FakeReplica(store, { cluster: { listMembers } }).start();
    ends.push(() => given.stop());
    const client = clientOf([given], { discover: true });
    await client.put("a", "1");
    await expect.poll(() => client.endpoints.length).toBe(4);
    for (let i = 0; i < 12; i++) await client.get("a", { consistency: "serializable" });
    expect(fakes.map(({ batches }) => batches.length)).toEqual([3, 3, 3]);
    await given.stop();
    for (let i = 0; i < 4; i++) await client.put("b", "1");
  });

  test("a replica that is silent but keeps its connection is given up for another (D11)", async () => {
    const fake = await replica();
    // Accepts connections and never speaks, like a stopped process.
    const silent = net.createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    ends.push(() => silent.close());
    const silentUrl = `http://127.0.0.1:${(silent.address() as net.AddressInfo).port}`;
    const client = clientOf([fake, silentUrl], { connectTimeoutMs: 200 });
    for (let i = 0; i < 4; i++) await client.put(`k${i}`, "v");
  });

  test("a paused replica is noticed by its silence, long before the deadline (D11)", async () => {
    const child = fork(new URL("./testing/fake-process.ts", import.meta.url), { execArgv: [] });
    ends.push(() => child.kill("SIGKILL"));
    const url = await new Promise<string>((resolve) => child.once("message", (m) => resolve(String(m))));
    const client = clientOf([url], { timeoutMs: 60_000 });
    await client.put("a", "1");
    child.kill("SIGSTOP");
    const error = await failure(client.put("b", "1"));
    expect(error).toMatchObject({ reason: "unavailable", outcome: "unknown" });
    expect(error.message).toContain("does not answer pings");
  });
});

function putOf(key: string, value: string) {
  return create(PutRequestSchema, {
    key: new TextEncoder().encode(key),
    value: new TextEncoder().encode(value),
  });
}
