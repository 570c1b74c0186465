import { isDeepStrictEqual } from "node:util";
import type { KubernetesObject } from "@kubernetes/client-node";
import type {
  CustomObject,
  DeletePreconditions,
  Kind,
  KubeClient,
  ListOptions,
  ObjectList,
  ObjectRef,
} from "./kube-client.ts";
import { KubeError } from "./kube-error.ts";

/** Objects in memory with versions, as an API server keeps them; no defaults, no admission, no garbage. */
export class FakeKubeClient implements KubeClient {
  readonly objects = new Map<string, KubernetesObject>();
  /** Called before each call takes effect; may throw, or wait. */
  before: (call: string, name: string) => void | Promise<void> = () => {};
  #version = 0;

  async read<T extends KubernetesObject>(ref: ObjectRef): Promise<T | undefined> {
    await this.before("read", ref.name);
    return structuredClone(this.objects.get(keyOf(ref))) as T | undefined;
  }

  async list<T extends KubernetesObject>(kind: Kind, { namespace }: ListOptions): Promise<ObjectList<T>> {
    await this.before("list", kind.kind);
    const items = [...this.objects.values()].filter(
      (object) =>
        object.kind === kind.kind && (namespace ?? object.metadata?.namespace) === object.metadata?.namespace,
    );
    return { items: structuredClone(items) as T[], resourceVersion: String(this.#version) };
  }

  async create<T extends KubernetesObject>(object: T): Promise<T> {
    await this.before("create", nameOf(object));
    if (this.objects.has(keyOf(refOf(object)))) throw new KubeError("already-exists", "it exists");
    return this.#store(object);
  }

  async apply<T extends KubernetesObject>(object: T): Promise<T> {
    await this.before("apply", nameOf(object));
    const current = this.objects.get(keyOf(refOf(object)));
    assertMeant(object, current);
    const metadata = { ...current?.metadata, ...object.metadata };
    return this.#store({ ...current, ...object, metadata });
  }

  async applyNew<T extends KubernetesObject>(object: T): Promise<T> {
    await this.before("apply", nameOf(object));
    if (this.objects.has(keyOf(refOf(object)))) throw new KubeError("conflict", "it is there by now");
    return this.#store(object);
  }

  async replace<T extends KubernetesObject>(object: T): Promise<T> {
    await this.before("replace", nameOf(object));
    const current = this.objects.get(keyOf(refOf(object)));
    if (current === undefined) throw new KubeError("not-found", "it is gone");
    if (current.metadata?.resourceVersion !== object.metadata?.resourceVersion) {
      throw new KubeError("conflict", "it changed");
    }
    return this.#store(object);
  }

  replaceStatus<T extends CustomObject>(object: T): Promise<T> {
    return this.replace(object);
  }

  async mergePatch<T extends KubernetesObject>(ref: ObjectRef, patch: object): Promise<T> {
    await this.before("patch", ref.name);
    const current = this.objects.get(keyOf(ref));
    if (current === undefined) throw new KubeError("not-found", "it is gone");
    assertMeant(patch, current);
    const { metadata } = patch as KubernetesObject;
    const labels = { ...current.metadata?.labels, ...metadata?.labels };
    for (const [key, value] of Object.entries(labels)) if (value === null) delete labels[key];
    return this.#store({ ...current, ...patch, metadata: { ...current.metadata, labels } }) as T;
  }

  async delete(ref: ObjectRef, preconditions: DeletePreconditions): Promise<boolean> {
    await this.before("delete", ref.name);
    const current = this.objects.get(keyOf(ref));
    if (current === undefined) return false;
    assertMeant({ metadata: preconditions }, current);
    return this.objects.delete(keyOf(ref));
  }

  async evict({ name }: { namespace: string; name: string }): Promise<void> {
    await this.before("evict", name);
  }

  #store<T extends KubernetesObject>(object: T): T {
    this.#version += 1;
    const before = this.objects.get(keyOf(refOf(object)));
    const isSame = isDeepStrictEqual(specOf(before), specOf(object));
    const generation = (before?.metadata?.generation ?? 0) + (isSame ? 0 : 1);
    const metadata = {
      uid: `uid-${this.#version}`,
      ...object.metadata,
      generation,
      resourceVersion: String(this.#version),
    };
    const stored = { ...structuredClone(object), metadata };
    this.objects.set(keyOf(refOf(stored)), stored);
    return structuredClone(stored);
  }
}

function specOf(object: KubernetesObject | undefined): unknown {
  return (object as { spec?: unknown } | undefined)?.spec;
}

/** What names a uid or a version is about that object alone. */
function assertMeant({ metadata }: KubernetesObject, current: KubernetesObject | undefined): void {
  const { uid, resourceVersion } = metadata ?? {};
  const isOther = uid !== undefined && uid !== current?.metadata?.uid;
  const isOlder = resourceVersion !== undefined && resourceVersion !== current?.metadata?.resourceVersion;
  if (isOther || isOlder) throw new KubeError("conflict", "it is another one, or changed");
}

function nameOf(object: KubernetesObject): string {
  return object.metadata?.name ?? "";
}

function refOf(object: KubernetesObject): ObjectRef {
  const { namespace } = object.metadata ?? {};
  return {
    apiVersion: object.apiVersion ?? "",
    kind: object.kind ?? "",
    name: nameOf(object),
    ...(namespace === undefined ? {} : { namespace }),
  };
}

function keyOf({ kind, namespace = "", name }: ObjectRef): string {
  return `${kind} ${namespace}/${name}`;
}
