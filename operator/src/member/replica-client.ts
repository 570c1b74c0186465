import { Agent } from "node:http";
import type { DescService } from "@bufbuild/protobuf";
import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { ClusterService, type ListMembersResponse, MemberKind } from "@rstore/proto/rstore/v1/cluster";
import { Consistency } from "@rstore/proto/rstore/v1/kv";
import { MaintenanceService, type StatusResponse } from "@rstore/proto/rstore/v1/maintenance";
import { type GetIdentityResponse, MembershipService } from "@rstore/proto/rstore/v1/membership";
import { replicaCallError } from "./replica-error.ts";

/** Where a replica was seen: addresses, not names, since a name may lead to another one by now. */
export interface ReplicaAddress {
  readonly clientUrl: string;
  readonly peerUrl: string;
}

export interface TargetMember {
  readonly id: bigint;
  readonly name: string;
  readonly peerUrl: string;
  readonly clientUrl: string;
  readonly kind: "voter" | "learner";
}

const askTimeoutMs = 2000;
/** Two configurations are committed in it, with room for a slow disk. */
const changeTimeoutMs = 30_000;
const actTimeoutMs = 10_000;

/** Calls to one replica. Each uses a connection of its own: they are few, and addresses are used again. */
export class ReplicaClient {
  readonly #address: ReplicaAddress;

  constructor(address: ReplicaAddress) {
    this.#address = address;
  }

  /** What its disk says. */
  identity(): Promise<GetIdentityResponse> {
    return this.#call("GetIdentity", () => this.#membership(askTimeoutMs).getIdentity({}));
  }

  status(): Promise<StatusResponse> {
    return this.#call("Status", () => this.#client(MaintenanceService, askTimeoutMs).status({}));
  }

  /** Answered linearizably, or not at all; the leader adds how far each member is. */
  listMembers(): Promise<ListMembersResponse> {
    const consistency = Consistency.LINEARIZABLE;
    return this.#call("ListMembers", () =>
      this.#client(ClusterService, askTimeoutMs).listMembers({ consistency }),
    );
  }

  /** Again with the same ids is nothing. */
  async bootstrap(clusterId: bigint, memberId: bigint): Promise<void> {
    await this.#call("Bootstrap", () => this.#membership(actTimeoutMs).bootstrap({ clusterId, memberId }));
  }

  /** Of the leader. Resolves when the target is committed and no longer joint. */
  async changeMembership(expectedConfigurationIndex: bigint, target: readonly TargetMember[]): Promise<void> {
    const members = target.map((member) => ({
      ...member,
      kind: member.kind === "voter" ? MemberKind.VOTER : MemberKind.LEARNER,
    }));
    await this.#call("ChangeMembership", () =>
      this.#membership(changeTimeoutMs).changeMembership({ expectedConfigurationIndex, members }),
    );
  }

  /** Of the leader. */
  async transferLeadership(targetId: bigint): Promise<void> {
    await this.#call("TransferLeadership", () =>
      this.#membership(actTimeoutMs).transferLeadership({ targetId }),
    );
  }

  async reset(clusterId: bigint, memberId: bigint, removedIndex: bigint): Promise<void> {
    await this.#call("Reset", () =>
      this.#membership(actTimeoutMs).reset({ clusterId, memberId, removedIndex }),
    );
  }

  #membership(timeoutMs: number): Client<typeof MembershipService> {
    return connect(MembershipService, this.#address.peerUrl, timeoutMs);
  }

  #client<S extends DescService>(service: S, timeoutMs: number): Client<S> {
    return connect(service, this.#address.clientUrl, timeoutMs);
  }

  async #call<T>(method: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw replicaCallError(error, `${method} of ${this.#address.peerUrl}`);
    }
  }
}

function connect<S extends DescService>(service: S, baseUrl: string, defaultTimeoutMs: number): Client<S> {
  const agent = new Agent({ keepAlive: false });
  const transport = createConnectTransport({
    baseUrl,
    httpVersion: "1.1",
    nodeOptions: { agent },
    defaultTimeoutMs,
    useBinaryFormat: true,
  });
  return createClient(service, transport);
}
