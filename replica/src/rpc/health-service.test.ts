import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { Health, HealthCheckResponse_ServingStatus as Status } from "@rstore/proto/grpc/health/v1/health";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Harness, startHarness } from "./rpc-harness.ts";

let harness: Harness;
beforeEach(async () => {
  harness = await startHarness();
});
afterEach(() => harness.close());
const health = () => createClient(Health, createGrpcTransport({ baseUrl: harness.baseUrl }));

describe("gRPC health checking", () => {
  it("follows the readiness of the replica; what describes it serves always", async () => {
    const checkAll = async () => {
      const services = ["", "rstore.v1.KvService", "rstore.v1.MaintenanceService"];
      return Promise.all(services.map(async (service) => (await health().check({ service })).status));
    };
    expect(await checkAll()).toEqual([Status.SERVING, Status.SERVING, Status.SERVING]);
    harness.api.notReady = ["no leader is known"];
    expect(await checkAll()).toEqual([Status.NOT_SERVING, Status.NOT_SERVING, Status.SERVING]);
    expect((await health().list({})).statuses).toMatchObject({
      "": { status: Status.NOT_SERVING },
      "rstore.v1.MaintenanceService": { status: Status.SERVING },
    });
  });

  it("does not know other services: an error to Check, a status to Watch", async () => {
    const error = await health()
      .check({ service: "x" })
      .catch((thrown: unknown) => thrown);
    expect(ConnectError.from(error).code).toBe(Code.NotFound);
    const watch = health().watch({ service: "x" })[Symbol.asyncIterator]();
    expect((await watch.next()).value).toMatchObject({ status: Status.SERVICE_UNKNOWN });
    await watch.return?.();
  });

  it("watches: the status at once, and then each change", async () => {
    const watch = health().watch({})[Symbol.asyncIterator]();
    expect((await watch.next()).value).toMatchObject({ status: Status.SERVING });
    harness.api.notReady = ["no leader is known"];
    expect((await watch.next()).value).toMatchObject({ status: Status.NOT_SERVING });
    harness.api.notReady = [];
    expect((await watch.next()).value).toMatchObject({ status: Status.SERVING });
    await watch.return?.();
  });

  it("ends a watch when the replica shuts down, without waiting for the deadline", async () => {
    const watch = health().watch({})[Symbol.asyncIterator]();
    await watch.next();
    const next = watch.next().catch((thrown: unknown) => thrown);
    await harness.server.close(60_000);
    expect(ConnectError.from(await next).code).toBe(Code.Unavailable);
  });

  it("keeps places for calls: watches are bounded", async () => {
    await harness.close();
    harness = await startHarness({ limits: { inflightMaxRequests: 20 } });
    const watches = Array.from({ length: 2 }, () => health().watch({})[Symbol.asyncIterator]());
    await Promise.all(watches.map((watch) => watch.next()));
    const third = health().watch({})[Symbol.asyncIterator]();
    const error = ConnectError.from(await third.next().catch((thrown: unknown) => thrown));
    expect(error.code).toBe(Code.ResourceExhausted);
    expect(error.rawMessage).toContain("streams_max");
    expect((await health().check({})).status).toBe(Status.SERVING);
    await Promise.all(watches.map((watch) => watch.return?.()));
  });
});
