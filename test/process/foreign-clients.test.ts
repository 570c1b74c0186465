import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { KvService } from "@rstore/proto/rstore/v1/kv";
import { describe, expect, it, onTestFinished } from "vitest";
import { useCluster } from "../cluster/use-cluster.ts";

const protoFolder = fileURLToPath(new URL("../../proto", import.meta.url));
const run = promisify(execFile);

/** What grpc-js makes of a service at run time: no generated code of ours takes part. */
type ForeignClient = grpc.Client &
  Record<
    string,
    (request: unknown, answer: (error: grpc.ServiceError | null, response: unknown) => void) => void
  >;

function foreignClient(file: string, service: string, address: string): ForeignClient {
  const definition = loadSync(file, { includeDirs: [protoFolder], longs: String, enums: String });
  const loaded = grpc.loadPackageDefinition(definition);
  const found = service
    .split(".")
    .reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], loaded);
  const Constructor = found as new (address: string, credentials: grpc.ChannelCredentials) => ForeignClient;
  const client = new Constructor(address, grpc.credentials.createInsecure());
  onTestFinished(() => client.close());
  return client;
}

function call<T>(client: ForeignClient, method: string, request: unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    client[method]!.call(client, request, (error, response) => {
      if (error === null) resolve(response as T);
      else reject(error);
    });
  });
}

/** curl's standard output: the body, then the status and the version of HTTP that was spoken. */
async function curl(...args: string[]): Promise<{ status: number; version: string; body: string }> {
  const written = "\n%{http_code} %{http_version}";
  const { stdout } = await run("curl", ["-sS", "--max-time", "10", "-w", written, ...args]);
  const end = stdout.lastIndexOf("\n");
  const [status, version] = stdout.slice(end + 1).split(" ");
  return { status: Number(status), version: version!, body: stdout.slice(0, end) };
}

describe("clients that are not ours", { timeout: 30_000 }, () => {
  const cluster = useCluster(3);
  const anyUrl = () => cluster().replica(1).clientUrl;
  const anyAddress = () => new URL(anyUrl()).host;

  describe("@grpc/grpc-js with proto-loader", () => {
    it("puts, gets, ranges, batches and deletes", async () => {
      const kv = foreignClient("rstore/v1/kv.proto", "rstore.v1.KvService", anyAddress());
      const key = Buffer.from("grpc/a");
      const { revision } = await call<{ revision: string }>(kv, "Put", { key, value: Buffer.from("1") });
      const got = await call<{ keyValue: { value: Buffer; modRevision: string } }>(kv, "Get", { key });
      expect(got.keyValue.value.toString()).toBe("1");
      expect(got.keyValue.modRevision).toBe(revision);
      const batch = await call<{ results: { result: string }[] }>(kv, "Batch", {
        operations: [
          { put: { key: Buffer.from("grpc/b"), value: Buffer.from("2") } },
          { get: { key } },
          { put: { key, value: Buffer.from("3"), expectedModRevision: "999999" } },
        ],
      });
      expect(batch.results.map((one) => Object.keys(one)[0])).toEqual(["put", "get", "error"]);
      const range = await call<{ keyValues: unknown[] }>(kv, "Range", {
        key: Buffer.from("grpc/"),
        prefix: true,
      });
      expect(range.keyValues).toHaveLength(2);
      const gone = await call<{ deleted: string }>(kv, "Delete", { key: Buffer.from("grpc/"), prefix: true });
      expect(gone.deleted).toBe("2");
    });

    it("is told by code and message what is wrong", async () => {
      const kv = foreignClient("rstore/v1/kv.proto", "rstore.v1.KvService", anyAddress());
      await expect(call(kv, "Put", { key: Buffer.alloc(0), value: Buffer.from("1") })).rejects.toMatchObject({
        code: grpc.status.INVALID_ARGUMENT,
      });
    });

    it("keeps to a deadline", async () => {
      const kv = foreignClient("rstore/v1/kv.proto", "rstore.v1.KvService", anyAddress());
      const answer = new Promise((_, reject) => {
        const unary = kv.Get as unknown as (
          request: unknown,
          options: grpc.CallOptions,
          answer: (error: grpc.ServiceError | null) => void,
        ) => void;
        // Further than any revision that will come while the test runs.
        const request = { key: Buffer.from("a"), minRevision: "1000000000" };
        unary.call(kv, request, { deadline: new Date(Date.now() + 300) }, reject);
      });
      await expect(answer).rejects.toMatchObject({ code: grpc.status.DEADLINE_EXCEEDED });
    });

    it("asks the standard health service", async () => {
      const health = foreignClient("grpc/health/v1/health.proto", "grpc.health.v1.Health", anyAddress());
      expect(await call(health, "Check", { service: "" })).toMatchObject({ status: "SERVING" });
      expect(await call(health, "Check", { service: "rstore.v1.KvService" })).toMatchObject({
        status: "SERVING",
      });
      await expect(call(health, "Check", { service: "no.such.Service" })).rejects.toMatchObject({
        code: grpc.status.NOT_FOUND,
      });
    });

    it.each(["v1", "v1alpha"])(
      "lists the services by reflection %s, and finds their files",
      async (version) => {
        const reflection = foreignClient(
          `grpc/reflection/${version}/reflection.proto`,
          `grpc.reflection.${version}.ServerReflection`,
          anyAddress(),
        );
        type Answer = {
          listServicesResponse?: { service: { name: string }[] };
          fileDescriptorResponse?: { fileDescriptorProto: Buffer[] };
        };
        const open = reflection.ServerReflectionInfo as unknown as () => grpc.ClientDuplexStream<
          unknown,
          Answer
        >;
        const stream = open.call(reflection);
        const answers: Answer[] = [];
        const ended = new Promise<void>((resolve, reject) => {
          stream.on("data", (answer: Answer) => answers.push(answer));
          stream.on("end", resolve);
          stream.on("error", reject);
        });
        stream.write({ listServices: "" });
        stream.write({ fileContainingSymbol: "rstore.v1.KvService" });
        stream.end();
        await ended;
        const names = answers[0]!.listServicesResponse!.service.map(({ name }) => name);
        expect(names).toEqual(
          expect.arrayContaining([
            "rstore.v1.KvService",
            "rstore.v1.ClusterService",
            "rstore.v1.MaintenanceService",
          ]),
        );
        // Who may write keys may not change the members: that is on the peer port.
        expect(names).not.toContain("rstore.v1.MembershipService");
        expect(answers[1]!.fileDescriptorResponse!.fileDescriptorProto.length).toBeGreaterThan(0);
      },
    );
  });

  describe.each([
    ["HTTP/1.1", [], "1.1"],
    ["h2c with prior knowledge", ["--http2-prior-knowledge"], "2"],
  ])("curl over %s", (_, flags, version) => {
    const json = ["-H", "content-type: application/json"];

    it("speaks the Connect protocol in JSON", async () => {
      const kv = `${anyUrl()}/rstore.v1.KvService`;
      const key = Buffer.from(`connect/${version}`).toString("base64");
      const value = Buffer.from("hello").toString("base64");
      const put = await curl(...flags, ...json, "-d", JSON.stringify({ key, value }), `${kv}/Put`);
      expect(put).toMatchObject({ status: 200, version });
      const { revision } = JSON.parse(put.body) as { revision: string };
      const got = await curl(...flags, ...json, "-d", JSON.stringify({ key }), `${kv}/Get`);
      expect(JSON.parse(got.body)).toMatchObject({ keyValue: { key, value, modRevision: revision } });
      const bad = await curl(...flags, ...json, "-d", "{}", `${kv}/Put`);
      expect(bad.status).toBe(400);
      expect(JSON.parse(bad.body)).toMatchObject({ code: "invalid_argument" });
    });

    it("uses the plain routes", async () => {
      const key = `${anyUrl()}/key/${encodeURIComponent(`a/b c ü ${version}`)}`;
      const put = await curl(...flags, "-X", "PUT", ...json, "-d", '"Alice"', key);
      expect(put).toMatchObject({ status: 200, version });
      expect(JSON.parse(put.body)).toMatchObject({
        success: true,
        key: `a/b c ü ${version}`,
        value: "Alice",
      });
      const got = await curl(...flags, key);
      expect(JSON.parse(got.body)).toMatchObject({ key: `a/b c ü ${version}`, value: "Alice" });
      expect((await curl(...flags, `${key}?raw`)).body).toBe('"Alice"');
      expect((await curl(...flags, "-X", "PUT", "-d", "30", key)).status).toBe(200);
      expect(JSON.parse((await curl(...flags, key)).body)).toMatchObject({ value: 30 });
      expect((await curl(...flags, "-X", "PUT", ...json, "-d", "Alice", key)).status).toBe(400);
      const gone = await curl(...flags, "-X", "DELETE", key);
      expect(JSON.parse(gone.body)).toMatchObject({ success: true });
      const missing = await curl(...flags, key);
      expect(missing.status).toBe(404);
      expect(JSON.parse(missing.body)).toMatchObject({ error: "Key not found" });
    });

    it("is told by a replica that does not lead who does, where forwarding is not wanted", async () => {
      const follower = await cluster().follower();
      const leader = await cluster().leader();
      const leaderId = (await leader.memberId()).toString(16).padStart(16, "0");
      const url = `${follower.clientUrl}/key/x`;
      const refused = await curl(...flags, "-X", "PUT", ...json, "-d", "1", `${url}?forward=false`);
      expect(refused.status).toBe(503);
      expect(JSON.parse(refused.body)).toMatchObject({
        error: "Not the leader",
        currentRole: "follower",
        leaderId,
      });
      const forwarded = await curl(...flags, "-X", "PUT", ...json, "-d", "1", url);
      expect(JSON.parse(forwarded.body)).toMatchObject({ success: true, leaderId });
    });

    it("sees the status", async () => {
      const { body } = await curl(...flags, `${anyUrl()}/status`);
      expect(JSON.parse(body)).toMatchObject({
        nodeId: expect.stringMatching(/^[0-9a-f]{16}$/),
        role: expect.stringMatching(/^(leader|follower)$/),
        term: expect.any(Number),
        leaderId: expect.stringMatching(/^[0-9a-f]{16}$/),
        totalKeys: expect.any(Number),
      });
    });
  });

  it("gRPC-Web puts and gets by @connectrpc/connect-web with fetch", async () => {
    const kv = createClient(KvService, createGrpcWebTransport({ baseUrl: anyUrl() }));
    const key = new TextEncoder().encode("web");
    const { revision } = await kv.put({ key, value: new TextEncoder().encode("1") });
    const { keyValue } = await kv.get({ key });
    expect(keyValue).toMatchObject({ modRevision: revision });
    await expect(kv.put({ key: new Uint8Array() })).rejects.toMatchObject({ rawMessage: expect.any(String) });
  });
});
