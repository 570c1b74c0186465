import { RstoreError } from "@rstore/client";
import type { Cluster } from "../cluster/cluster.ts";

/** Long enough that no other text has them, and without a part that is the same in all. */
export const secrets = {
  key: "zebra-quartz-marmot",
  value: "violet-anvil-thicket",
  lostKey: "walrus-onyx-gondola",
  plainKey: "cobalt-ferret-lantern",
  plainValue: "saffron-puffin-kettle",
};

export const secretList: readonly string[] = Object.values(secrets);

/** Calls of all kinds, by all roads, that go well and that are refused, with keys and values that must not show. */
export async function writeSecrets(cluster: Cluster): Promise<void> {
  const client = cluster.client();
  const { key, value, lostKey, plainKey, plainValue } = secrets;
  await client.put(key, value);
  await client.get(key);
  await client.range({ prefix: key });
  await refused(client.put(key, value, { expectedModRevision: 9_999n }));
  await refused(client.get(key, { revision: 999_999n }));
  await refused(client.put(`${lostKey}${"x".repeat(5_000)}`, value));
  await refused(client.put(lostKey, `${value}${"x".repeat(4_000_000)}`));
  await client.delete(lostKey);
  for (const { clientUrl } of cluster.running) {
    const url = `${clientUrl}/key/${plainKey}`;
    await fetch(url, { method: "PUT", body: JSON.stringify(plainValue) });
    await fetch(url);
    await fetch(`${clientUrl}/key/${lostKey}`);
    await fetch(`${clientUrl}/key/${lostKey}?revision=nonsense`);
    await fetch(`${clientUrl}/nowhere/${lostKey}`);
  }
}

async function refused(call: Promise<unknown>): Promise<void> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof RstoreError)) throw new Error("the call was not refused");
}
