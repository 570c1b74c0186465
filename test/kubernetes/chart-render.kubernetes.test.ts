import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { renderChart } from "./chart.ts";

interface Rendered {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly roleRef?: { readonly name: string };
  readonly spec?: Record<string, unknown> & {
    readonly template?: { readonly spec: Record<string, unknown>; readonly metadata: { labels: object } };
    readonly containers?: readonly Record<string, unknown>[];
  };
}

async function render(namespace: string, values: object = {}): Promise<readonly Rendered[]> {
  const text = await renderChart({ name: "rstore", namespace, values });
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Rendered | null)
    .filter((object) => object !== null);
}

const bindings = (objects: readonly Rendered[]) =>
  objects.filter(({ kind }) => kind === "ClusterRoleBinding");

function named(objects: readonly Rendered[], kind: string, name: string): Rendered {
  return objects.find((object) => object.kind === kind && object.metadata.name === name)!;
}

describe("the chart, rendered", () => {
  it("has no name in the cluster that another release's namespace has, too", async () => {
    const namesIn = async (namespace: string) =>
      (await render(namespace))
        .filter(({ kind }) => kind.startsWith("ClusterRole"))
        .map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    const [one, two] = [await namesIn("one"), await namesIn("two")];
    expect(one).toHaveLength(4);
    expect(one.filter((name) => two.includes(name))).toEqual([]);
  });

  it("binds each ClusterRole by a binding of its name: a roleRef can't be changed by an upgrade", async () => {
    const objects = await render("one");
    expect(bindings(objects)).toHaveLength(2);
    for (const { metadata, roleRef } of bindings(objects)) {
      expect(roleRef?.name).toBe(metadata.name);
      expect(named(objects, "ClusterRole", metadata.name)).toBeDefined();
    }
  });

  it("tests the release with a pod that may run where the operator may", async () => {
    const values = {
      imagePullSecrets: [{ name: "registry" }],
      nodeSelector: { "kubernetes.io/os": "linux" },
      tolerations: [{ key: "dedicated", operator: "Exists" }],
      resources: { requests: { cpu: "100m", memory: "256Mi" }, limits: { memory: "1Gi" } },
    };
    const { spec } = named(await render("one", values), "Pod", "rstore-test");
    const { resources, ...ofThePod } = values;
    expect(spec).toMatchObject(ofThePod);
    expect(spec!.containers![0]).toMatchObject({ resources });
  });

  it("spreads several operators over nodes where that is possible", async () => {
    const { template } = named(await render("one", { replicas: 2 }), "Deployment", "rstore").spec!;
    const matchLabels = {
      "app.kubernetes.io/name": "rstore-operator",
      "app.kubernetes.io/instance": "rstore",
    };
    expect(template!.spec.topologySpreadConstraints).toEqual([
      {
        maxSkew: 1,
        topologyKey: "kubernetes.io/hostname",
        whenUnsatisfiable: "ScheduleAnyway",
        labelSelector: { matchLabels },
      },
    ]);
    expect(template!.metadata.labels).toMatchObject(matchLabels);
  });

  it("takes other constraints, with their own selector, and none", async () => {
    const constraint = {
      maxSkew: 2,
      topologyKey: "topology.kubernetes.io/zone",
      whenUnsatisfiable: "DoNotSchedule",
      labelSelector: { matchLabels: { team: "blue" } },
    };
    const specWith = async (topologySpreadConstraints: readonly object[]) =>
      named(await render("one", { topologySpreadConstraints }), "Deployment", "rstore").spec!.template!.spec;
    expect((await specWith([constraint])).topologySpreadConstraints).toEqual([constraint]);
    expect(await specWith([])).not.toHaveProperty("topologySpreadConstraints");
  });
});
