import type { KubernetesObject } from "../../kube/objects.ts";
import type { ActContext } from "./act-context.ts";

/**
 * Makes an object that was not there when it was looked for, or puts the one right that was observed: no other one,
 * and no later version of it, is touched. What is already as it was left by the last apply is not applied again.
 * Rejects with a KubeError conflict when there is another one by now. Returns it as it is then.
 */
export async function applyOwn<T extends KubernetesObject>(
  { client, applied }: Pick<ActContext, "client" | "applied">,
  wanted: T,
  observed: T | undefined,
): Promise<T> {
  if (observed !== undefined && applied.isSame(wanted, observed)) return observed;
  const live = await (observed === undefined
    ? client.applyNew<T>(wanted)
    : client.apply<T>({ ...wanted, metadata: { ...wanted.metadata, ...versionOf(observed) } }));
  applied.note(wanted, live);
  return live;
}

function versionOf({ metadata }: KubernetesObject): object {
  const { uid, resourceVersion } = metadata ?? {};
  return {
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
}
