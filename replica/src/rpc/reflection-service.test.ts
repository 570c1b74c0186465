import { create, createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { ServerReflection } from "@rstore/proto/grpc/reflection/v1/reflection";
import { ServerReflection as ServerReflectionAlpha } from "@rstore/proto/grpc/reflection/v1alpha/reflection";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Harness, startHarness } from "./rpc-harness.ts";

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness.close());

type Question =
  | { case: "listServices" | "fileByFilename" | "fileContainingSymbol"; value: string }
  | { case: "allExtensionNumbersOfType"; value: string }
  | { case: undefined };

describe.each([
  ["v1", ServerReflection],
  ["v1alpha", ServerReflectionAlpha],
])("server reflection %s", (_version, service) => {
  async function ask(...questions: Question[]) {
    const client = createClient(service as typeof ServerReflection, createGrpcTransport(harness));
    async function* requests() {
      for (const messageRequest of questions) yield { host: "h", messageRequest };
    }
    const answers = [];
    for await (const answer of client.serverReflectionInfo(requests())) answers.push(answer.messageResponse);
    return answers;
  }

  function filesOf(answer: Awaited<ReturnType<typeof ask>>[number] | undefined) {
    if (answer?.case !== "fileDescriptorResponse") throw new Error(`no files: ${answer?.case}`);
    return answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
  }

  it("lists the services of the port, and none of the peer port", async () => {
    const [answer] = await ask({ case: "listServices", value: "" });
    expect(answer).toMatchObject({ case: "listServicesResponse" });
    const names = answer?.case === "listServicesResponse" && answer.value.service.map(({ name }) => name);
    expect(names).toEqual([
      "grpc.health.v1.Health",
      "grpc.reflection.v1.ServerReflection",
      "grpc.reflection.v1alpha.ServerReflection",
      "rstore.v1.ClusterService",
      "rstore.v1.KvService",
      "rstore.v1.MaintenanceService",
    ]);
  });

  it("gives all that is needed to call a service, each file once on a stream", async () => {
    const answers = await ask(
      { case: "fileContainingSymbol", value: "rstore.v1.MaintenanceService" },
      { case: "fileContainingSymbol", value: "rstore.v1.ClusterService" },
    );
    const [maintenance, cluster] = answers.map(filesOf);
    expect(maintenance?.map(({ name }) => name)).toEqual([
      "rstore/v1/maintenance.proto",
      "rstore/v1/kv.proto",
    ]);
    expect(cluster?.map(({ name }) => name)).toEqual(["rstore/v1/cluster.proto"]);
    const file = [...cluster!, ...maintenance!].toReversed();
    const registry = createFileRegistry(create(FileDescriptorSetSchema, { file }));
    expect(registry.getService("rstore.v1.MaintenanceService")?.methods.length).toBe(2);
  });

  it.each([
    ["rstore.v1.KvService.Put", "rstore/v1/kv.proto"],
    ["rstore.v1.PutRequest.expected_mod_revision", "rstore/v1/kv.proto"],
    ["rstore.v1.Operation.operation", "rstore/v1/kv.proto"],
    ["rstore.v1.OUTCOME_UNKNOWN", "rstore/v1/kv.proto"],
    ["grpc.health.v1.HealthCheckResponse.ServingStatus", "grpc/health/v1/health.proto"],
    ["grpc.health.v1.HealthCheckResponse.SERVING", "grpc/health/v1/health.proto"],
  ])("finds %s", async (symbol, file) => {
    const [answer] = await ask({ case: "fileContainingSymbol", value: symbol });
    expect(filesOf(answer)[0]?.name).toBe(file);
  });

  it("answers what it does not know, and goes on", async () => {
    const answers = await ask(
      { case: "fileContainingSymbol", value: "rstore.v1.Nothing" },
      { case: "fileByFilename", value: "nothing.proto" },
      { case: undefined },
      { case: "allExtensionNumbersOfType", value: "rstore.v1.PutRequest" },
      { case: "fileByFilename", value: "rstore/v1/kv.proto" },
    );
    expect(answers).toMatchObject([
      { case: "errorResponse", value: { errorCode: Code.NotFound } },
      { case: "errorResponse", value: { errorCode: Code.NotFound } },
      { case: "errorResponse", value: { errorCode: Code.InvalidArgument } },
      { case: "allExtensionNumbersResponse", value: { baseTypeName: "rstore.v1.PutRequest" } },
      { case: "fileDescriptorResponse" },
    ]);
  });
});
