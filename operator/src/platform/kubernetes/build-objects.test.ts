import { describe, expect, it } from "vitest";
import type { ReplicatedStoreSpec } from "../../api/v1alpha1/types.ts";
import { buildNetworkPolicy, buildStatefulSet } from "./build-objects.ts";
import { ports } from "./names.ts";
import { storeFrom } from "./store.ts";

const operator = { namespace: "rstore-system", podLabels: { "app.kubernetes.io/name": "rstore-operator" } };
const operatorPeer = {
  namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "rstore-system" } },
  podSelector: { matchLabels: operator.podLabels },
};
const own = { "app.kubernetes.io/name": "rstore", "app.kubernetes.io/instance": "demo" };
const ownPeer = { podSelector: { matchLabels: own } };

function policyOf(networkPolicy: NonNullable<ReplicatedStoreSpec["networkPolicy"]>) {
  const metadata = { name: "demo", namespace: "shop", uid: "u-1" };
  const store = storeFrom({
    apiVersion: "rstore.dev/v1alpha1",
    kind: "ReplicatedStore",
    metadata,
    spec: { networkPolicy },
  });
  return buildNetworkPolicy(store, operator);
}

/** Who reaches a port; undefined: everybody. No rule at all would be nobody. */
function callersOf(policy: ReturnType<typeof policyOf>, port: number): readonly object[] | undefined {
  const rules = (policy.spec?.ingress ?? []).filter(({ ports }) => ports?.some((open) => open.port === port));
  expect(rules).toHaveLength(1);
  expect(rules[0]?.ports).toEqual([{ protocol: "TCP", port }]);
  return rules[0]?._from;
}

// What a cluster makes of it depends on its network plugin, and no test here has one that enforces it.
describe("the NetworkPolicy of a store, as it is rendered", () => {
  const somebody = { podSelector: { matchLabels: { app: "shop" } } };

  it("speaks about the store's own pods, and leaves what they call alone", () => {
    const { spec, metadata } = policyOf({});
    expect(spec?.podSelector).toEqual({ matchLabels: own });
    expect(spec?.policyTypes).toEqual(["Ingress"]);
    expect(metadata?.ownerReferences).toHaveLength(1);
  });

  it.each([{}, { clients: [somebody], metrics: [somebody] }, { clients: [], metrics: [] }])(
    "lets only the store's own pods and the operator to the peer port: %j",
    (networkPolicy) => {
      expect(callersOf(policyOf(networkPolicy), ports.peer)).toEqual([ownPeer, operatorPeer]);
    },
  );

  it("lets everybody to the ports of clients and metrics, unless spec says who", () => {
    const open = policyOf({});
    expect(callersOf(open, ports.client)).toBeUndefined();
    expect(callersOf(open, ports.metrics)).toBeUndefined();
    const closed = policyOf({ clients: [somebody], metrics: [] });
    expect(callersOf(closed, ports.client)).toEqual([somebody, ownPeer, operatorPeer]);
    expect(callersOf(closed, ports.metrics)).toEqual([ownPeer, operatorPeer]);
  });

  it("opens no other port", () => {
    const open = policyOf({}).spec?.ingress?.flatMap(({ ports }) => ports ?? []) ?? [];
    expect(open.map(({ port }) => port).sort()).toEqual([ports.client, ports.peer, ports.metrics].sort());
  });
});

it("what can't be changed of a StatefulSet names no UID: it may outlive the resource", () => {
  const setOf = (uid: string) => {
    const metadata = { name: "demo", namespace: "shop", uid };
    const resource = {
      apiVersion: "rstore.dev/v1alpha1",
      kind: "ReplicatedStore",
      metadata,
      spec: {},
    } as const;
    return buildStatefulSet(storeFrom(resource), 3, {}).spec;
  };
  expect(setOf("u-1")).toEqual(setOf("u-2"));
});
