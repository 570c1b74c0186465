import {
  type Configuration,
  CoreV1Api,
  CustomObjectsApi,
  createConfiguration,
  type KubeConfig,
  type KubernetesObject,
  KubernetesObjectApi,
  PatchStrategy,
  ServerConfiguration,
  type V1DeleteOptions,
} from "@kubernetes/client-node";
import { isKubeError, kubeErrorFrom } from "./kube-error.ts";

/** Which object. */
export interface ObjectRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

export interface DeletePreconditions {
  readonly uid: string;
  readonly resourceVersion?: string;
}

export interface ListOptions {
  /** undefined: all namespaces, or a resource without one. */
  readonly namespace?: string;
  readonly labelSelector?: string;
}

/**
 * What the operator asks of the API server. Reads go to the server, not to a cache, and see what is committed.
 * Every promise rejects with a KubeError, and is settled within `callTimeoutMs`. Objects owned by the operator are applied; nothing is retried here.
 */
export interface KubeClient {
  read<T extends KubernetesObject>(ref: ObjectRef): Promise<T | undefined>;
  list<T extends KubernetesObject>(kind: Kind, options: ListOptions): Promise<ObjectList<T>>;
  create<T extends KubernetesObject>(object: T): Promise<T>;
  /** Server-side apply, taking fields over that others hold; creates what is missing. */
  apply<T extends KubernetesObject>(object: T): Promise<T>;
  /** As `apply`, of what is not there yet: a KubeError conflict, and nothing is changed, when it is by now. */
  applyNew<T extends KubernetesObject>(object: T): Promise<T>;
  /** Of the object as it was read: a KubeError conflict when it changed since. */
  replace<T extends KubernetesObject>(object: T): Promise<T>;
  /** As `replace`, of the status alone. */
  replaceStatus<T extends CustomObject>(object: T): Promise<T>;
  /** JSON merge patch; with metadata.resourceVersion in it, of just that version. */
  mergePatch<T extends KubernetesObject>(ref: ObjectRef, patch: object): Promise<T>;
  /** False when it is gone already. Conflict: it is another one by now. */
  delete(ref: ObjectRef, preconditions: DeletePreconditions, graceSeconds?: number): Promise<boolean>;
  /** Asks to end a pod, within its disruption budget; too-many-requests when that has no room. */
  evict(pod: { readonly namespace: string; readonly name: string }, uid: string): Promise<void>;
}

export interface Kind {
  readonly apiVersion: string;
  readonly kind: string;
}

export interface ObjectList<T> {
  readonly items: readonly T[];
  /** A watch goes on from here. */
  readonly resourceVersion: string;
}

export interface CustomObject extends KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
}

export interface KubeClientOptions {
  /** Under which name fields are owned. */
  readonly fieldManager: string;
  /** Plural of a custom kind, for the path of its status. */
  readonly plurals: Readonly<Record<string, string>>;
  readonly callTimeoutMs?: number;
}

const DEFAULT_CALL_TIMEOUT_MS = 10_000;

export function createKubeClient(config: KubeConfig, options: KubeClientOptions): KubeClient {
  return new ApiServerClient(config, options);
}

class ApiServerClient implements KubeClient {
  readonly #objects: KubernetesObjectApi;
  readonly #custom: CustomObjectsApi;
  readonly #core: CoreV1Api;
  readonly #options: KubeClientOptions;

  constructor(config: KubeConfig, options: KubeClientOptions) {
    const bounded = configurationOf(config, options.callTimeoutMs ?? DEFAULT_CALL_TIMEOUT_MS);
    this.#objects = new KubernetesObjectApi(bounded);
    this.#custom = new CustomObjectsApi(bounded);
    this.#core = new CoreV1Api(bounded);
    this.#options = options;
  }

  async read<T extends KubernetesObject>(ref: ObjectRef): Promise<T | undefined> {
    try {
      return await called(`read ${describe(ref)}`, this.#objects.read<T>(headerOf(ref) as never));
    } catch (error) {
      if (isKubeError(error, "not-found")) return undefined;
      throw error;
    }
  }

  async list<T extends KubernetesObject>(kind: Kind, options: ListOptions): Promise<ObjectList<T>> {
    const items: T[] = [];
    let resourceVersion = "";
    let next: string | undefined;
    do {
      const page = await called(
        `list ${kind.kind}`,
        this.#objects.list<T>(
          kind.apiVersion,
          kind.kind,
          options.namespace,
          undefined,
          undefined,
          undefined,
          undefined,
          options.labelSelector,
          LIST_PAGE_OBJECTS,
          next,
        ),
      );
      // Items of a list come without them.
      items.push(...page.items.map((item) => ({ ...item, ...kind })));
      resourceVersion ||= page.metadata?.resourceVersion ?? "";
      next = page.metadata?._continue || undefined;
    } while (next !== undefined);
    return { items, resourceVersion };
  }

  create<T extends KubernetesObject>(object: T): Promise<T> {
    const { fieldManager } = this.#options;
    return called(
      `create ${describeObject(object)}`,
      this.#objects.create(object, undefined, undefined, fieldManager),
    );
  }

  apply<T extends KubernetesObject>(object: T): Promise<T> {
    const { fieldManager } = this.#options;
    return called(
      `apply ${describeObject(object)}`,
      this.#objects.patch(object, undefined, undefined, fieldManager, true, PatchStrategy.ServerSideApply),
    );
  }

  applyNew<T extends KubernetesObject>(object: T): Promise<T> {
    const metadata = { ...object.metadata, resourceVersion: NO_VERSION };
    return this.apply({ ...object, metadata });
  }

  replace<T extends KubernetesObject>(object: T): Promise<T> {
    const { fieldManager } = this.#options;
    return called(
      `replace ${describeObject(object)}`,
      this.#objects.replace(object, undefined, undefined, fieldManager),
    );
  }

  replaceStatus<T extends CustomObject>(object: T): Promise<T> {
    const [group = "", version = ""] = object.apiVersion.split("/");
    const plural = this.#options.plurals[object.kind];
    if (plural === undefined) throw new Error(`no plural is known of ${object.kind}`);
    return called(
      `update the status of ${describeObject(object)}`,
      this.#custom.replaceNamespacedCustomObjectStatus({
        group,
        version,
        plural,
        namespace: object.metadata?.namespace ?? "",
        name: object.metadata?.name ?? "",
        fieldManager: this.#options.fieldManager,
        body: object,
      }) as Promise<T>,
    );
  }

  mergePatch<T extends KubernetesObject>(ref: ObjectRef, patch: object): Promise<T> {
    const { metadata, ...fields } = patch as { metadata?: object };
    const header = headerOf(ref);
    const body = { ...header, ...fields, metadata: { ...metadata, ...header.metadata } };
    return called(
      `patch ${describe(ref)}`,
      this.#objects.patch(
        body as unknown as T,
        undefined,
        undefined,
        this.#options.fieldManager,
        undefined,
        PatchStrategy.MergePatch,
      ),
    );
  }

  async delete(ref: ObjectRef, preconditions: DeletePreconditions, graceSeconds?: number): Promise<boolean> {
    const body: V1DeleteOptions = {
      preconditions: { ...preconditions },
      propagationPolicy: "Background",
      ...(graceSeconds === undefined ? {} : { gracePeriodSeconds: graceSeconds }),
    };
    try {
      await called(
        `delete ${describe(ref)}`,
        this.#objects.delete(headerOf(ref), undefined, undefined, undefined, undefined, undefined, body),
      );
      return true;
    } catch (error) {
      if (isKubeError(error, "not-found")) return false;
      throw error;
    }
  }

  async evict({ namespace, name }: { namespace: string; name: string }, uid: string): Promise<void> {
    await called(
      `evict pod ${namespace}/${name}`,
      this.#core.createNamespacedPodEviction({
        namespace,
        name,
        body: {
          apiVersion: "policy/v1",
          kind: "Eviction",
          metadata: { name, namespace },
          deleteOptions: { preconditions: { uid } },
        },
      }),
    );
  }
}

const LIST_PAGE_OBJECTS = 500;

/**
 * No object has this version, since a store counts from its own first entry on: an apply of it finds nothing that it
 * may change, and makes what is missing. A create in its place would own its fields for good beside the applies, so
 * that none of them could be taken out again.
 */
const NO_VERSION = "1";

/** The library by itself waits for minutes for an answer. */
function configurationOf(config: KubeConfig, callTimeoutMs: number): Configuration {
  const server = config.getCurrentCluster()?.server;
  if (server === undefined) throw new Error("the kubeconfig names no cluster");
  return createConfiguration({
    baseServer: new ServerConfiguration(server, {}),
    authMethods: { default: config },
    promiseMiddleware: [
      {
        async pre(request) {
          request.setSignal(AbortSignal.timeout(callTimeoutMs));
          return request;
        },
        post: async (response) => response,
      },
    ],
  });
}

async function called<T>(what: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw kubeErrorFrom(error, what);
  }
}

function headerOf({ apiVersion, kind, namespace, name }: ObjectRef) {
  return { apiVersion, kind, metadata: { name, ...(namespace === undefined ? {} : { namespace }) } };
}

function describe({ kind, namespace, name }: ObjectRef): string {
  return `${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
}

function describeObject({ kind = "object", metadata }: KubernetesObject): string {
  const namespace = metadata?.namespace;
  return describe({
    apiVersion: "",
    kind,
    name: metadata?.name ?? "?",
    ...(namespace === undefined ? {} : { namespace }),
  });
}
