import type { ProxiedCall } from "./api-proxy.ts";

/** What the API server had to be asked for to do what operators did: `patch pods`, `update replicatedstores.rstore.dev/status`. */
export class UsedRights {
  readonly #used = new Set<string>();

  note({ method, path, isWatch }: ProxiedCall, status: number): void {
    const target = targetOf(path);
    if (target === undefined || status >= 300) return;
    const { resource, isOne } = target;
    const reading = isWatch ? "watch" : isOne ? "get" : "list";
    const verbs: Readonly<Record<string, string>> = {
      GET: reading,
      POST: "create",
      PUT: "update",
      PATCH: "patch",
      DELETE: "delete",
    };
    this.#used.add(`${verbs[method]} ${resource}`);
    // An apply that makes an object needs both.
    if (method === "PATCH" && status === 201) this.#used.add(`create ${resource}`);
  }

  has(right: string): boolean {
    return this.#used.has(right);
  }
}

export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** What a rule grants, in the words of UsedRights. */
export function rightsOf({ apiGroups, resources, verbs }: Rule): readonly string[] {
  return apiGroups.flatMap((group) =>
    resources.flatMap((resource) => verbs.map((verb) => `${verb} ${qualified(group, resource)}`)),
  );
}

function qualified(group: string, resource: string): string {
  const [name, subresource] = resource.split("/");
  return `${name}${group === "" ? "" : `.${group}`}${subresource === undefined ? "" : `/${subresource}`}`;
}

function targetOf(path: string): { resource: string; isOne: boolean } | undefined {
  const match = /^\/(?:api\/v1|apis\/([^/]+)\/[^/]+)\/(?:namespaces\/[^/]+\/)?([^?]+)/.exec(path);
  if (match === null) return undefined;
  const [, group = "", rest = ""] = match;
  const [name = "", object, subresource] = rest.split("/");
  const resource = subresource === undefined ? name : `${name}/${subresource}`;
  return { resource: qualified(group, resource), isOne: object !== undefined };
}
