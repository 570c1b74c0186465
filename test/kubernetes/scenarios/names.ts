import type { KubernetesObject } from "@rstore/operator/kube/objects";
import { expect } from "vitest";
import { eventually } from "../../cluster/eventually.ts";
import type { Resource } from "../admin-api.ts";
import type { Fate } from "../api-proxy.ts";
import { Site, settleMs } from "../site.ts";
import type { World } from "../world.ts";

type Body = KubernetesObject & { readonly spec?: object };

const selector = { matchLabels: { app: "theirs" } };

/** What somebody else has under names that the store needs. */
const theirs: readonly (readonly [resource: Resource, content: Body])[] = [
  ["services", { spec: { selector: { app: "theirs" }, ports: [{ name: "web", port: 80 }] } }],
  ["serviceaccounts", {}],
  ["poddisruptionbudgets", { spec: { minAvailable: 1, selector } }],
  [
    "statefulsets",
    {
      spec: {
        replicas: 0,
        serviceName: "theirs",
        selector,
        template: {
          metadata: { labels: { app: "theirs" } },
          spec: { containers: [{ name: "theirs", image: "theirs" }] },
        },
      },
    },
  ],
];

/** What others have is left as it is, also when it appears between a look and an apply; when it goes the store comes to life. */
export function leavesNamesOfOthers(world: World): Promise<void> {
  return Site.use(world, "names", {}, async (site) => {
    const { namespace, store: name } = site;
    const place = { namespace, name };
    const create = (resource: Resource, content: Body) =>
      world.admin.create<KubernetesObject>(resource, { ...content, metadata: { ...place } });
    const before = new Map<Resource, KubernetesObject>();
    for (const [resource, content] of theirs) before.set(resource, await create(resource, content));
    site.audit.interference = {
      async before({ method, path }): Promise<Fate> {
        if (method === "PATCH" && path.includes("/networkpolicies/") && !before.has("networkpolicies"))
          before.set("networkpolicies", await create("networkpolicies", { spec: { podSelector: selector } }));
        return "pass";
      },
    };
    await site.startOperator();
    await site.apply({ replicas: 1 });
    await eventually(
      "the conditions to name them",
      async () => {
        const { conditions, summary } = (await site.read()).status ?? {};
        const of = (wanted: string) => conditions?.find(({ type }) => type === wanted);
        for (const kind of [
          "Service",
          "ServiceAccount",
          "PodDisruptionBudget",
          "StatefulSet",
          "NetworkPolicy",
        ])
          expect(of("Degraded")?.message).toContain(`the ${kind} demo is not this store's`);
        expect(of("Degraded")).toMatchObject({ status: "True", reason: "NameTaken" });
        expect(of("Available")).toMatchObject({ status: "False", reason: "NameTaken" });
        return summary === "NameTaken";
      },
      { timeoutMs: settleMs, intervalMs: 200 },
    );
    expect(await world.admin.read("services", { namespace, name: "demo-peers" })).toBeDefined();
    expect(await site.pods()).toEqual([]);
    const events = await world.admin.list<KubernetesObject & { reason?: string }>("events", namespace);
    expect(events.filter(({ reason }) => reason === "NameTaken")).not.toEqual([]);
    for (const [resource, object] of before)
      expect(markOf(await world.admin.read(resource, place)), resource).toEqual(markOf(object));
    for (const resource of before.keys()) await world.admin.remove(resource, place);
    await site.expectWhole(1);
  });
}

/** Who wrote what of it, but for its status, which Kubernetes writes. */
function markOf(object: KubernetesObject | undefined): unknown {
  const { metadata } = object ?? {};
  const { uid, generation, labels, ownerReferences, managedFields = [] } = metadata ?? {};
  const writes = managedFields.filter(({ subresource }) => subresource === undefined);
  return { uid, generation, labels, ownerReferences, writes };
}
