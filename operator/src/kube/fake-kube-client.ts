import type { KubernetesObject } from "@kubernetes/client-node";
import type { CustomObject, Kind, KubeClient, ListOptions, ObjectList, ObjectRef } from "./kube-client.ts";
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
    return this.#store({ ...this.objects.get(keyOf(refOf(object))), ...object });
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
    return this.#store({ ...current, ...patch, metadata: { ...current.metadata } }) as T;
  }

  async delete(ref: ObjectRef, { uid }: { uid: string }): Promise<boolean> {
    await this.before("delete", ref.name);
    const current = this.objects.get(keyOf(ref));
    if (current === undefined) return false;
    if (current.metadata?.uid !== uid) throw new KubeError("conflict", "it is another one");
    return this.objects.delete(keyOf(ref));
  }

  async evict({ name }: { namespace: string; name: string }): Promise<void> {
    await this.before("evict", name);
  }

  #store<T extends KubernetesObject>(object: T): T {
    this.#version += 1;
    const metadata = {
      uid: `uid-${this.#version}`,
      ...object.metadata,
      resourceVersion: String(this.#version),
    };
    const stored = { ...structuredClone(object), metadata };
    this.objects.set(keyOf(refOf(stored)), stored);
    return structuredClone(stored);
  }
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
