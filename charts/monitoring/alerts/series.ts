/** Of the store in the alerts' test cases. */
export const testStore = 'namespace="shop",store="carts"';
export const storeLabels = { namespace: "shop", store: "carts" } as const;

export function testReplica(slot: number): string {
  return `${testStore},replica="carts-${slot}"`;
}

export function replicaLabels(slot: number) {
  return { ...storeLabels, replica: `carts-${slot}` };
}

/** In the text of an alert. */
export const aStore = "{{ $labels.namespace }}/{{ $labels.store }}";
export const aReplica = `{{ $labels.replica }} of ${aStore}`;

export const byStore = "by (namespace, store)";
export const byReplica = "by (namespace, store, replica)";

/** None of the replicas that answer has anything. */
export const allBlank = `min ${byStore} (max ${byReplica} (rstore_replica_role{role="uninitialized"})) == 1`;

/** One series for each of three replicas. */
export function ofThree(
  metric: string,
  values: readonly [string, string, string],
  more = "",
): Record<string, string> {
  return Object.fromEntries(values.map((value, slot) => [`${metric}{${testReplica(slot)}${more}}`, value]));
}

/**
 * A histogram's buckets in promtool's notation: `perMinute` observations in each bucket up to and including its
 * bound.
 */
export function histogram(
  metric: string,
  labels: string,
  perMinute: Readonly<Record<string, number>>,
): Record<string, string> {
  const series: Record<string, string> = {};
  let sum = 0;
  const bounds = Object.keys(perMinute).sort((a, b) => Number(a) - Number(b));
  for (const bound of bounds) {
    sum += perMinute[bound]!;
    series[`${metric}_bucket{${labels},le="${bound}"}`] = `0+${sum}x60`;
  }
  series[`${metric}_bucket{${labels},le="+Inf"}`] = `0+${sum}x60`;
  series[`${metric}_count{${labels}}`] = `0+${sum}x60`;
  return series;
}
