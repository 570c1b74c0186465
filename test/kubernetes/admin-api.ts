import { Agent, request } from "node:https";
import type { KubernetesObject } from "@rstore/operator/kube/objects";
import { administratorToken } from "./api-server.ts";

/** Where each resource lies, by its plural. */
const groups = {
  events: "/apis/events.k8s.io/v1",
  leases: "/apis/coordination.k8s.io/v1",
  namespaces: "/api/v1",
  networkpolicies: "/apis/networking.k8s.io/v1",
  nodes: "/api/v1",
  persistentvolumeclaims: "/api/v1",
  persistentvolumes: "/api/v1",
  poddisruptionbudgets: "/apis/policy/v1",
  pods: "/api/v1",
  replicatedstores: "/apis/rstore.dev/v1alpha1",
  serviceaccounts: "/api/v1",
  services: "/api/v1",
  statefulsets: "/apis/apps/v1",
  storageclasses: "/apis/storage.k8s.io/v1",
} as const;

export type Resource = keyof typeof groups;

export interface Place {
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly subresource?: string;
}

export class AdminApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "AdminApiError";
    this.status = status;
  }
}

const timeoutMs = 20_000;

/** The API server as its administrator sees it, past every proxy. */
export class AdminApi {
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, rejectUnauthorized: false });

  constructor({ url }: { readonly url: string }) {
    this.#url = url;
  }

  async list<T extends KubernetesObject>(resource: Resource, namespace?: string): Promise<readonly T[]> {
    const { items } = await this.call<{ items: T[] }>("GET", pathOf(resource, { namespace, name: "" }));
    return items;
  }

  /** undefined: there is none. */
  read<T extends KubernetesObject>(resource: Resource, place: Place): Promise<T | undefined> {
    return unless404(this.call<T>("GET", pathOf(resource, place)));
  }

  create<T extends KubernetesObject>(resource: Resource, object: T, subresource?: string): Promise<T> {
    const { namespace, name = "" } = object.metadata ?? {};
    const place = subresource === undefined ? { namespace, name: "" } : { namespace, name, subresource };
    return this.call<T>("POST", pathOf(resource, place), object);
  }

  /** A merge patch; with metadata.resourceVersion in it, of that version alone. False: there is none. */
  async patch(resource: Resource, place: Place, patch: object): Promise<boolean> {
    return (await unless404(this.call("PATCH", pathOf(resource, place), patch))) !== undefined;
  }

  replace(resource: Resource, place: Place, object: object): Promise<unknown> {
    return this.call("PUT", pathOf(resource, place), object);
  }

  /** False: there is none. */
  async remove(resource: Resource, place: Place, options: object = {}): Promise<boolean> {
    return (await unless404(this.call("DELETE", pathOf(resource, place), options))) !== undefined;
  }

  call<T>(method: string, path: string, body?: object): Promise<T> {
    const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
    const text = body === undefined ? "" : JSON.stringify(body);
    const headers = {
      authorization: `Bearer ${administratorToken}`,
      "content-type": type,
      // Node sends the body of a DELETE without any framing by itself.
      "content-length": Buffer.byteLength(text),
    };
    return new Promise((resolve, reject) => {
      const call = request(`${this.#url}${path}`, {
        method,
        agent: this.#agent,
        headers,
        timeout: timeoutMs,
      });
      call.on("timeout", () => call.destroy(new Error(`${method} ${path}: no answer`)));
      call.on("error", reject);
      call.on("response", (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const answer = Buffer.concat(chunks).toString();
          const status = response.statusCode ?? 0;
          if (status < 300) resolve(JSON.parse(answer) as T);
          else reject(new AdminApiError(status, `${method} ${path}: ${answer}`));
        });
      });
      call.end(text);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

function pathOf(
  resource: Resource,
  { namespace, name, subresource }: Place & { namespace?: string | undefined },
) {
  const within = namespace === undefined ? "" : `/namespaces/${namespace}`;
  const parts = [resource, name, subresource].filter((part) => part !== undefined && part !== "");
  return `${groups[resource]}${within}/${parts.join("/")}`;
}

async function unless404<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof AdminApiError && error.status === 404) return undefined;
    throw error;
  }
}

/** Somebody else was faster: what was read is old. */
export function isOutdated(error: unknown): boolean {
  return error instanceof AdminApiError && (error.status === 409 || error.status === 404);
}
