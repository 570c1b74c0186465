import type { ReplicatedStoreStatus } from "@rstore/operator/api/v1alpha1/types";
import type { PlanSpec } from "@rstore/operator/plan/observation";
import { CallFailed, type SimResource } from "./types.ts";

/** How many old resources may still be read. */
const HISTORY = 12;

interface Kept {
  readonly atUs: number;
  readonly resource: SimResource;
}

/** Keeps the resource: writes are compared with the version that was read. */
export class ApiServer {
  readonly #now: () => number;
  #resource: SimResource;
  #history: Kept[] = [];
  /** Something other than status was written. */
  onEdit: () => void = () => {};

  constructor(nowUs: () => number, spec: PlanSpec, wantedTemplate: string) {
    this.#now = nowUs;
    this.#resource = { uid: "store-1", generation: 1, spec, status: {}, version: 1, wantedTemplate };
    this.#keep();
  }

  get resource(): SimResource {
    return this.#resource;
  }

  /** The resource as it was at that time, as far as that is remembered. */
  resourceAt(atUs: number): SimResource {
    return (this.#history.findLast((kept) => kept.atUs <= atUs) ?? this.#history[0]!).resource;
  }

  /** Throws {@link CallFailed} on a conflict. */
  writeStatus(version: number, status: ReplicatedStoreStatus): SimResource {
    if (version !== this.#resource.version) throw new CallFailed("conflict: the resource was written since");
    const plain = JSON.parse(JSON.stringify(status)) as ReplicatedStoreStatus;
    this.#write({ status: plain });
    return this.#resource;
  }

  editSpec(spec: PlanSpec): void {
    this.#write({ spec, generation: this.#resource.generation + 1 });
    this.onEdit();
  }

  editTemplate(wantedTemplate: string): void {
    this.#write({ wantedTemplate, generation: this.#resource.generation + 1 });
    this.onEdit();
  }

  /** As it is made anew after it was deleted: without status. */
  recreate(spec: PlanSpec): void {
    const uid = `store-${this.#resource.version + 1}`;
    this.#write({ spec, uid, generation: 1, status: {} });
    this.#history = [];
    this.#keep();
    this.onEdit();
  }

  #write(change: Partial<SimResource>): void {
    this.#resource = { ...this.#resource, ...change, version: this.#resource.version + 1 };
    this.#keep();
  }

  #keep(): void {
    this.#history.push({ atUs: this.#now(), resource: this.#resource });
    if (this.#history.length > HISTORY) this.#history.shift();
  }
}
