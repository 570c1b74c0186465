import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { ClusterService } from "@rstore/proto/rstore/v1/cluster";
import { KvService } from "@rstore/proto/rstore/v1/kv";
import { MaintenanceService } from "@rstore/proto/rstore/v1/maintenance";
import { MembershipService } from "@rstore/proto/rstore/v1/membership";

/** A connection for each call: a replica that was killed leaves nothing behind here. */
function transportTo(baseUrl: string) {
  return createConnectTransport({
    baseUrl,
    httpVersion: "1.1",
    defaultTimeoutMs: 5_000,
    nodeOptions: { agent: false },
  });
}

export const kvAt = (clientUrl: string): Client<typeof KvService> =>
  createClient(KvService, transportTo(clientUrl));

export const clusterAt = (clientUrl: string): Client<typeof ClusterService> =>
  createClient(ClusterService, transportTo(clientUrl));

export const maintenanceAt = (clientUrl: string): Client<typeof MaintenanceService> =>
  createClient(MaintenanceService, transportTo(clientUrl));

/** On the peer port. */
export const membershipAt = (peerUrl: string): Client<typeof MembershipService> =>
  createClient(MembershipService, transportTo(peerUrl));
