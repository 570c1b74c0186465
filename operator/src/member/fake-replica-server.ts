import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { ClusterService, type ListMembersResponseSchema } from "@rstore/proto/rstore/v1/cluster";
import { ErrorDetailSchema, Reason } from "@rstore/proto/rstore/v1/kv";
import { MaintenanceService, type StatusResponseSchema } from "@rstore/proto/rstore/v1/maintenance";
import {
  type ChangeMembershipRequest,
  type GetIdentityResponseSchema,
  MembershipService,
} from "@rstore/proto/rstore/v1/membership";
import type { ReplicaAddress } from "./replica-client.ts";

/** What a replica answers; what is absent it refuses. May throw, or wait. */
export interface FakeReplica {
  identity?(): MessageInitShape<typeof GetIdentityResponseSchema>;
  status?(): MessageInitShape<typeof StatusResponseSchema>;
  listMembers?(): MessageInitShape<typeof ListMembersResponseSchema>;
  changeMembership?(request: ChangeMembershipRequest): void;
}

/** As a leader refuses an id that was removed at this index. */
export function memberRemoved(index: bigint): Error {
  const value = { reason: Reason.MEMBER_REMOVED, index };
  return new ConnectError("it was removed", Code.FailedPrecondition, undefined, [
    { desc: ErrorDetailSchema, value },
  ]);
}

/** Serves the calls of an operator as a replica does, on one port for clients and peers. */
export class FakeReplicaServer {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(replica: FakeReplica): Promise<FakeReplicaServer> {
    const routes = (router: ConnectRouter) => {
      const { identity, status, listMembers, changeMembership } = replica;
      if (status !== undefined) router.service(MaintenanceService, { status: () => status() });
      if (listMembers !== undefined) router.service(ClusterService, { listMembers: () => listMembers() });
      router.service(MembershipService, {
        ...(identity === undefined ? {} : { getIdentity: () => identity() }),
        changeMembership: (request) => {
          changeMembership?.(request);
          return {};
        },
      });
    };
    const server = createServer(connectNodeAdapter({ routes }));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new FakeReplicaServer(server);
  }

  get address(): ReplicaAddress {
    const url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return { clientUrl: url, peerUrl: url };
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
