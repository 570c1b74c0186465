import { expect, it } from "vitest";
import type { V1NodeSelectorTerm } from "../../kube/objects.ts";
import { fits, isZonal, namesOf, selectorOf } from "./volume-nodes.ts";

const node = { metadata: { name: "n1", labels: { zone: "z1", size: "7" } } };

function term(key: string, operator: string, ...values: string[]): V1NodeSelectorTerm {
  return { matchExpressions: [{ key, operator, values }] };
}

it.each<[terms: V1NodeSelectorTerm[], isFitting: boolean, selector: string]>([
  [[term("zone", "In", "z0", "z1")], true, "zone in (z0,z1)"],
  [[term("zone", "In", "z0")], false, "zone in (z0)"],
  [[term("rack", "In", "r1")], false, "rack in (r1)"],
  [[term("zone", "NotIn", "z1")], false, "zone notin (z1)"],
  [[term("rack", "NotIn", "r1")], true, "rack notin (r1)"],
  [[term("zone", "Exists")], true, "zone"],
  [[term("rack", "Exists")], false, "rack"],
  [[term("rack", "DoesNotExist")], true, "!rack"],
  [[term("zone", "DoesNotExist")], false, "!zone"],
  [[term("size", "Gt", "6")], true, ""],
  [[term("size", "Gt", "7")], false, ""],
  [[term("size", "Lt", "8")], true, ""],
  [[term("rack", "Lt", "8")], false, ""],
  [[{ matchFields: [{ key: "metadata.name", operator: "In", values: ["n1"] }] }], true, ""],
  [[{ matchFields: [{ key: "metadata.name", operator: "In", values: ["n2"] }] }], false, ""],
  [
    [
      {
        matchExpressions: [
          ...term("zone", "In", "z1").matchExpressions!,
          ...term("rack", "Exists").matchExpressions!,
        ],
      },
    ],
    false,
    "zone in (z1),rack",
  ],
  [[term("rack", "Exists"), term("zone", "Exists")], true, "rack"],
  [[{}], false, ""],
  [[], false, ""],
])("%j: %s", (nodeSelectorTerms, isFitting, selector) => {
  const volume = { spec: { nodeAffinity: { required: { nodeSelectorTerms } } } };
  expect(fits(volume, node)).toBe(isFitting);
  expect(selectorOf(nodeSelectorTerms[0] ?? {})).toBe(selector);
});

it("without an affinity it fits everywhere", () => {
  expect(fits({ spec: {} }, node)).toBe(true);
});

it("a term that names its nodes says which", () => {
  expect(namesOf({ matchFields: [{ key: "metadata.name", operator: "In", values: ["n1"] }] })).toEqual([
    "n1",
  ]);
  expect(namesOf(term("zone", "Exists"))).toBeUndefined();
});

it.each([
  ["topology.kubernetes.io/zone", true],
  ["topology.kubernetes.io/region", true],
  ["topology.gke.io/zone", true],
  ["csi.hetzner.cloud/location", true],
  ["topology.csi.vmware.com/k8s-zone", true],
  ["topology.csi.vmware.com/k8s-region", true],
  ["kubernetes.io/hostname", false],
  ["zone.example.com/rack", false],
  ["example.com/zone-host", false],
])("a volume tied by %s is zonal: %s", (key, expected) => {
  const nodeSelectorTerms = [term(key, "In", "a")];
  expect(isZonal({ spec: { nodeAffinity: { required: { nodeSelectorTerms } } } })).toBe(expected);
});

it("a volume that is tied to a host in a zone, or by nothing, is not zonal", () => {
  const [zone, host] = ["csi.hetzner.cloud/location", "kubernetes.io/hostname"].map((key) =>
    term(key, "In", "a"),
  );
  const both = { matchExpressions: [...zone!.matchExpressions!, ...host!.matchExpressions!] };
  for (const nodeSelectorTerms of [[both], [{}], []])
    expect(isZonal({ spec: { nodeAffinity: { required: { nodeSelectorTerms } } } })).toBe(false);
  expect(isZonal({ spec: {} })).toBe(false);
});
