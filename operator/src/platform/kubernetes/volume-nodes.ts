import type {
  V1Node,
  V1NodeSelectorRequirement,
  V1NodeSelectorTerm,
  V1PersistentVolume,
} from "../../kube/objects.ts";

/** Where a volume says that it can be used; undefined: anywhere. One of them has to fit. */
export function termsOf(volume: V1PersistentVolume | undefined): readonly V1NodeSelectorTerm[] | undefined {
  return volume?.spec?.nodeAffinity?.required?.nodeSelectorTerms;
}

/**
 * Whether only a zone or region is asked for, which gets new nodes: a disk of one that has no node at the moment is not
 * lost. By the last part of the label, since drivers have names of their own (`topology.ebs.csi.aws.com/zone`,
 * `topology.csi.vmware.com/k8s-zone`, `csi.hetzner.cloud/location`).
 */
export function isZonal(volume: V1PersistentVolume): boolean {
  const terms = termsOf(volume) ?? [];
  return terms.some(({ matchExpressions = [], matchFields = [] }) => {
    const names = [...matchExpressions, ...matchFields].map(({ key }) => key.split("/").at(-1) ?? "");
    return names.length > 0 && names.every((name) => /(?:zone|region|location)$/.test(name));
  });
}

/** Whether the volume can be used on a node, as the scheduler decides it: by the node's labels, whatever they are called. */
export function fits(volume: V1PersistentVolume, node: V1Node): boolean {
  const terms = termsOf(volume);
  if (terms === undefined) return true;
  const labels = node.metadata?.labels ?? {};
  const fields = { "metadata.name": node.metadata?.name ?? "" };
  return terms.some(({ matchExpressions = [], matchFields = [] }) => {
    // An empty one fits nowhere.
    if (matchExpressions.length + matchFields.length === 0) return false;
    return matchExpressions.every(isMet(labels)) && matchFields.every(isMet(fields));
  });
}

function isMet(values: Readonly<Record<string, string>>) {
  return ({ key, operator, values: named = [] }: V1NodeSelectorRequirement): boolean => {
    const value = values[key];
    switch (operator) {
      case "In":
        return value !== undefined && named.includes(value);
      case "NotIn":
        return value === undefined || !named.includes(value);
      case "Exists":
        return value !== undefined;
      case "DoesNotExist":
        return value === undefined;
      case "Gt":
        return value !== undefined && Number(value) > Number(named[0]);
      case "Lt":
        return value !== undefined && Number(value) < Number(named[0]);
      default:
        return false;
    }
  };
}

/** Of the nodes that a term may fit, for a list of them: what a label selector can't say is left out. */
export function selectorOf({ matchExpressions = [] }: V1NodeSelectorTerm): string {
  return matchExpressions
    .flatMap(({ key, operator, values = [] }) => {
      switch (operator) {
        case "In":
          return [`${key} in (${values.join(",")})`];
        case "NotIn":
          return [`${key} notin (${values.join(",")})`];
        case "Exists":
          return [key];
        case "DoesNotExist":
          return [`!${key}`];
        default:
          return [];
      }
    })
    .join(",");
}

/** The names of a term that names nodes; undefined: it does not. */
export function namesOf({ matchFields = [] }: V1NodeSelectorTerm): readonly string[] | undefined {
  return matchFields.find(({ key, operator }) => key === "metadata.name" && operator === "In")?.values;
}
