import { createHash } from "node:crypto";
import type { KubernetesObject } from "../../kube/objects.ts";
import { objectKey } from "./names.ts";

/**
 * What was applied last to each object of one store, and what the object was after it: an apply that would find both
 * as they were changes nothing. Losing it costs one apply of each.
 */
export class AppliedObjects {
  /** By kind and name, of which a store has few. */
  readonly #prints = new Map<string, string>();

  /** @param live as it is now in the API server */
  isSame(wanted: KubernetesObject, live: KubernetesObject): boolean {
    return this.#prints.get(objectKey(wanted)) === printOf(wanted, live);
  }

  note(wanted: KubernetesObject, live: KubernetesObject): void {
    this.#prints.set(objectKey(wanted), printOf(wanted, live));
  }
}

function printOf(wanted: KubernetesObject, live: KubernetesObject): string {
  const text = JSON.stringify([wanted, contentOf(live)]);
  return createHash("sha256").update(text).digest("base64");
}

/** Without what the API server and the controllers of Kubernetes write all the time. */
function contentOf({ metadata, ...content }: KubernetesObject): unknown {
  const { uid, labels, annotations, ownerReferences, finalizers } = metadata ?? {};
  return {
    ...content,
    status: undefined,
    metadata: { uid, labels, annotations, ownerReferences, finalizers },
  };
}
