import type { KubernetesObject } from "@rstore/operator/kube/objects";
import { expect } from "vitest";
import { eventually } from "../../cluster/eventually.ts";
import type { Resource } from "../admin-api.ts";
import { Site, settleMs } from "../site.ts";
import type { World } from "../world.ts";

interface Owned {
  readonly resource: Resource;
  readonly name: string;
  /** A merge patch of somebody who knows better. */
  readonly edit: object;
}

const owned: readonly Owned[] = [
  { resource: "statefulsets", name: "demo", edit: { spec: { replicas: 4, minReadySeconds: 7 } } },
  {
    resource: "services",
    name: "demo",
    edit: { spec: { selector: { "app.kubernetes.io/instance": "other" } } },
  },
  { resource: "services", name: "demo-peers", edit: { spec: { publishNotReadyAddresses: false } } },
  { resource: "serviceaccounts", name: "demo", edit: { automountServiceAccountToken: true } },
  { resource: "poddisruptionbudgets", name: "demo", edit: { spec: { minAvailable: 0 } } },
  {
    resource: "poddisruptionbudgets",
    name: "demo",
    edit: { spec: { unhealthyPodEvictionPolicy: "IfHealthyBudget" } },
  },
  { resource: "networkpolicies", name: "demo", edit: { spec: { ingress: [] } } },
];

/** Of one look, to the API server. */
const restCallsMax = 9;

type Body = Record<string, unknown>;

/** What the operator makes is put right when somebody edits or deletes it; what others add to it stays. */
export function putsDriftRight(world: World): Promise<void> {
  return Site.use(world, "drift", {}, async (site) => {
    await site.startOperator();
    await site.apply({ replicas: 3 });
    await site.settled(3);
    await site.write("before");
    await expectRest(site);
    const { namespace } = site;
    const read = ({ resource, name }: Owned) =>
      world.admin.read<KubernetesObject & Body>(resource, { namespace, name });
    for (const object of owned) {
      const before = contentOf(await read(object));
      const { resource, name } = object;
      const metadata = {
        labels: { "someone.example/team": "blue" },
        annotations: { "someone.example/note": "x" },
      };
      await world.admin.patch(resource, { namespace, name }, { ...object.edit, metadata });
      await eventually(
        `${resource}/${name} to be as before it was edited`,
        async () => {
          expect(contentOf(await read(object))).toEqual(withOthers(object, before));
          return true;
        },
        { timeoutMs: settleMs, intervalMs: 100 },
      );
      expect((await read(object))?.metadata).toMatchObject(metadata);
      const { uid } = (await read(object))?.metadata ?? {};
      // Without its pods: that is somebody else's accident.
      const options = resource === "statefulsets" ? { propagationPolicy: "Orphan" } : {};
      await world.admin.remove(resource, { namespace, name }, options);
      await eventually(
        `${resource}/${name} to be made again`,
        async () => {
          const now = await read(object);
          expect(contentOf(now)).toEqual(before);
          return now?.metadata?.uid !== uid;
        },
        { timeoutMs: settleMs, intervalMs: 100 },
      );
    }
    await site.expectWhole(3);
    await site.apply({ replicas: 3, networkPolicy: { enabled: false } });
    await eventually(
      "the NetworkPolicy that is not wanted any more to be gone",
      async () => (await world.admin.read("networkpolicies", { namespace, name: site.store })) === undefined,
      { timeoutMs: settleMs, intervalMs: 100 },
    );
  });
}

/** Nothing is written while nothing is to be done, and little is asked for. */
async function expectRest(site: Site): Promise<void> {
  const looks: string[][] = [];
  site.audit.interference = {
    before({ method, path, isWatch }) {
      const isLook = method === "GET" && path.endsWith(`/replicatedstores/${site.store}`);
      if (isLook) looks.push([]);
      if (!isWatch) looks.at(-1)?.push(`${method} ${path}`);
      return "pass";
    },
  };
  // Of the first ones some may still put something right; lists of watches that are made anew come in between.
  const atRest = await eventually(
    "a look that only reads",
    () => looks.slice(0, -1).find((calls) => calls.length <= restCallsMax && calls.every(isRead)),
    { timeoutMs: settleMs, intervalMs: 200 },
  );
  expect(atRest.length).toBeGreaterThan(3);
  site.audit.interference = {};
}

function isRead(call: string): boolean {
  return call.startsWith("GET ");
}

/** Fields that the operator says nothing about are somebody else's. */
function withOthers({ name, resource }: Owned, before: Body): Body {
  if (resource !== "statefulsets" || name !== "demo") return before;
  return { ...before, spec: { ...(before.spec as Body), minReadySeconds: 7 } };
}

function contentOf(object: (KubernetesObject & Body) | undefined): Body {
  if (object === undefined) throw new Error("it is gone");
  const { metadata, status: _status, ...content } = structuredClone(object);
  const spec = content.spec as Record<string, unknown> | undefined;
  // Drawn by the API server for each Service anew.
  if (spec !== undefined)
    for (const drawn of ["clusterIP", "clusterIPs"]) if (spec[drawn] !== "None") delete spec[drawn];
  const labels = Object.entries(metadata?.labels ?? {}).filter(([key]) => !key.startsWith("someone"));
  return { ...content, labels: Object.fromEntries(labels), owners: metadata?.ownerReferences };
}
