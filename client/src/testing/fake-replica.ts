import * as http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { create, type DescService, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter, type ServiceImpl } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { ClusterService } from "@rstore/proto/rstore/v1/cluster";
import {
  type BatchRequest,
  type ErrorDetail,
  ErrorDetailSchema,
  KvService,
  type Operation,
  type OperationResult,
  OperationResultSchema,
  type Outcome,
  Reason,
  ResponseHeaderSchema,
} from "@rstore/proto/rstore/v1/kv";
import { MaintenanceService } from "@rstore/proto/rstore/v1/maintenance";
import { MembershipService } from "@rstore/proto/rstore/v1/membership";
import { FakeStore } from "./fake-store.ts";

/** Lets a test answer instead of the store: a result, an error to throw, or undefined to go on. */
export interface FakeHooks {
  batch?: (request: BatchRequest) => Promise<undefined> | undefined;
  operation?: (operation: Operation) => OperationResult["result"] | undefined;
  cluster?: Partial<ServiceImpl<typeof ClusterService>>;
  maintenance?: Partial<ServiceImpl<typeof MaintenanceService>>;
  membership?: Partial<ServiceImpl<typeof MembershipService>>;
}

/** A replica's client and peer services on one real port, over a store in memory; for tests. */
export class FakeReplica {
  store: FakeStore;
  hooks: FakeHooks;
  readonly batches: BatchRequest[] = [];
  /** What headers say about the leader. */
  leaderClientUrl = "";
  term = 1n;
  #server: http2.Http2Server | undefined;
  readonly #sessions = new Set<http2.ServerHttp2Session>();
  #url = "";

  constructor(store = new FakeStore(), hooks: FakeHooks = {}) {
    this.store = store;
    this.hooks = hooks;
  }

  get url(): string {
    return this.#url;
  }

  get sessions(): ReadonlySet<http2.ServerHttp2Session> {
    return this.#sessions;
  }

  header() {
    return create(ResponseHeaderSchema, {
      clusterId: 0xc1n,
      memberId: 1n,
      leaderId: 1n,
      term: this.term,
      revision: this.store.revision,
      leaderClientUrl: this.leaderClientUrl,
    });
  }

  async start(port = 0): Promise<this> {
    const server = http2.createServer(connectNodeAdapter({ routes: (router) => this.#routes(router) }));
    server.on("session", (session) => {
      this.#sessions.add(session);
      session.on("close", () => this.#sessions.delete(session));
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", resolve);
    });
    this.#server = server;
    this.#url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return this;
  }

  /** As a killed process: connections are cut, the port is closed. */
  async stop(): Promise<void> {
    for (const session of this.#sessions) session.destroy();
    const server = this.#server;
    this.#server = undefined;
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }

  #routes(router: ConnectRouter): void {
    router.service(KvService, {
      batch: async (request) => {
        this.batches.push(request);
        await this.hooks.batch?.(request);
        return { header: this.header(), results: request.operations.map((one) => this.#apply(one)) };
      },
      range: (request) => ({ header: this.header(), ...this.store.range(request) }),
      compact: () => ({ header: this.header() }),
    });
    router.service(
      ClusterService,
      delegate(ClusterService, () => this.hooks.cluster),
    );
    router.service(
      MaintenanceService,
      delegate(MaintenanceService, () => this.hooks.maintenance),
    );
    router.service(
      MembershipService,
      delegate(MembershipService, () => this.hooks.membership),
    );
  }

  #apply(operation: Operation): OperationResult {
    const result = this.hooks.operation?.(operation) ?? this.store.apply(operation);
    return create(OperationResultSchema, { result });
  }
}

/** Looks the hook up at each call, so that a test can change it. */
function delegate<T extends DescService>(
  service: T,
  hooks: () => Partial<ServiceImpl<T>> | undefined,
): Partial<ServiceImpl<T>> {
  const call = (name: string) => (request: unknown, context: unknown) => {
    const hook = hooks()?.[name as keyof ServiceImpl<T>] as
      | ((request: unknown, context: unknown) => unknown)
      | undefined;
    if (hook === undefined) throw new ConnectError(`${name} is not in this fake`, Code.Unimplemented);
    return hook(request, context);
  };
  const methods = service.methods.map(({ localName }) => [localName, call(localName)]);
  return Object.fromEntries(methods) as Partial<ServiceImpl<T>>;
}

type Detail = Partial<Omit<ErrorDetail, "$typeName" | "$unknown">>;

/** An error as replicas send it. */
export function wireError(reason: Reason, outcome: Outcome, detail: Detail = {}): ConnectError {
  const message = `fake: ${Reason[reason]}`;
  const error = new ConnectError(message, Code.Unavailable);
  error.details.push({
    type: ErrorDetailSchema.typeName,
    value: toBinary(ErrorDetailSchema, create(ErrorDetailSchema, { reason, outcome, ...detail })),
  });
  return error;
}

/** The same for one operation of a batch. */
export function operationError(reason: Reason, outcome: Outcome, detail: Detail = {}) {
  return {
    case: "error" as const,
    value: {
      $typeName: "rstore.v1.OperationError" as const,
      code: Code.Unavailable as number,
      message: `fake: ${Reason[reason]}`,
      detail: create(ErrorDetailSchema, { reason, outcome, ...detail }),
    },
  };
}
