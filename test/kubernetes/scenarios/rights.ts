import { expect } from "vitest";
import { parseAllDocuments } from "yaml";
import { renderChart } from "../chart.ts";
import { type Rule, rightsOf } from "../used-rights.ts";
import type { World } from "../world.ts";

/** Nobody is seen to use these: what they are for. */
const unseen: Readonly<Record<string, string>> = {
  // Asked for by OwnerReferencesPermissionEnforcement when a dependent is made, which is on here.
  "update replicatedstores.rstore.dev/finalizers": "owner references that hold up the owner's deletion",
  // Told every half a minute, when a step repeats for that long.
  "patch events.events.k8s.io": "counts of Events that repeat",
};

/** Each right that the chart gives was used by some operator of the tests before this one. */
export async function everyRightIsUsed(world: World): Promise<void> {
  const release = { name: "rights", namespace: "rights", values: { watchNamespaces: ["rights"] } };
  const yaml = await renderChart(release, "rbac.yaml");
  const objects = parseAllDocuments(yaml).map(
    (document) => document.toJS() as { readonly rules?: readonly Rule[] } | null,
  );
  const given = new Set(objects.flatMap((object) => (object?.rules ?? []).flatMap(rightsOf)));
  expect(given.size).toBeGreaterThan(20);
  expect([...given].filter((right) => unseen[right] === undefined && !world.rights.has(right))).toEqual([]);
}

/** Verb, resource, namespace. */
const refused: readonly (readonly [verb: string, resource: string, namespace: string])[] = [
  ["get", "secrets", "own"],
  ["list", "secrets", "own"],
  ["get", "configmaps", "own"],
  ["create", "pods", "own"],
  ["create", "pods/exec", "own"],
  ["get", "pods/log", "own"],
  ["create", "persistentvolumeclaims", "own"],
  ["patch", "persistentvolumeclaims", "own"],
  ["delete", "statefulsets.apps", "own"],
  ["delete", "services", "own"],
  ["create", "replicatedstores.rstore.dev", "own"],
  ["delete", "replicatedstores.rstore.dev", "own"],
  ["create", "rolebindings.rbac.authorization.k8s.io", "own"],
  ["patch", "roles.rbac.authorization.k8s.io", "own"],
  ["delete", "nodes", "own"],
  ["patch", "nodes", "own"],
  ["delete", "persistentvolumes", "own"],
  ["get", "replicatedstores.rstore.dev", "other"],
  ["list", "pods", "other"],
  ["delete", "pods", "other"],
  ["delete", "persistentvolumeclaims", "other"],
  ["get", "leases.coordination.k8s.io", "other"],
];

/** What no operator needs is refused to its ServiceAccount, and everything outside of its namespaces. */
export async function nothingElseIsAllowed(world: World): Promise<void> {
  const { kubectl } = world;
  const namespaces: Readonly<Record<string, string>> = { own: "least", other: "least-other" };
  const release = { name: "rstore", namespace: "least", values: { watchNamespaces: ["least"] } };
  for (const name of Object.values(namespaces)) await kubectl.run("create", "namespace", name);
  await kubectl.applyText(await renderChart(release, "service-account.yaml", "rbac.yaml"));
  const ask = async ([verb, resource, place]: (typeof refused)[number]) => {
    const user = "--as=system:serviceaccount:least:rstore";
    const [kind = "", subresource] = resource.split("/");
    const sub = subresource === undefined ? [] : [`--subresource=${subresource}`];
    const question = ["auth", "can-i", verb, kind, ...sub, user, "-n", namespaces[place] ?? ""];
    // It ends with 1 when the answer is no.
    const answer = await kubectl.run(...question).catch((error: Error) => error.message);
    return answer.trim();
  };
  expect(await ask(["list", "pods", "own"])).toBe("yes");
  for (const question of refused) expect(await ask(question), question.join(" ")).not.toBe("yes");
  for (const name of Object.values(namespaces))
    await kubectl.run("delete", "namespace", name, "--wait=false");
}
