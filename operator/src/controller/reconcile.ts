import { randomBytes } from "node:crypto";
import { group, kind, version } from "../api/v1alpha1/custom-resource-definition.ts";
import type { MemberId, ReplicatedStore } from "../api/v1alpha1/types.ts";
import type { EventRecorder } from "../kube/event-recorder.ts";
import type { KubeClient, ObjectRef } from "../kube/kube-client.ts";
import { isKubeError, KubeError } from "../kube/kube-error.ts";
import type { KubernetesObject } from "../kube/objects.ts";
import type { Logger } from "../log.ts";
import type { ReplicaAddress } from "../member/replica-client.ts";
import { ReplicaCallError } from "../member/replica-error.ts";
import type { PlanInput } from "../plan/observation.ts";
import { type Plan, plan } from "../plan/plan.ts";
import type { Step } from "../plan/step.ts";
import { act } from "../platform/kubernetes/act.ts";
import type { ActContext } from "../platform/kubernetes/act-context.ts";
import { AppliedObjects } from "../platform/kubernetes/applied-objects.ts";
import { applyOwnedObjects } from "../platform/kubernetes/apply-objects.ts";
import type { OperatorPeer } from "../platform/kubernetes/build-objects.ts";
import { memberIn, names, selectorLabels } from "../platform/kubernetes/names.ts";
import { readStoreObjects } from "../platform/kubernetes/observe-store.ts";
import { observe, replicaAddress } from "../platform/kubernetes/plan-input.ts";
import { buildPodTemplate } from "../platform/kubernetes/pod-template.ts";
import { StatusWriter } from "../platform/kubernetes/status-writer.ts";
import { type Store, storeFrom } from "../platform/kubernetes/store.ts";
import type { Outages } from "../platform/outages.ts";
import type { StatusChange } from "../platform/status-change.ts";
import { StepOutdatedError } from "../platform/step-outdated-error.ts";
import { notObservedStatus } from "../status/not-observed.ts";
import { statusFrom } from "../status/status.ts";
import { aroundObstacles } from "./around-obstacles.ts";
import { hasFinalizer, withFinalizer, withoutFinalizer } from "./finalizer.ts";
import { logConditions } from "./log-conditions.ts";
import { refusalFrom } from "./refusal.ts";
import { type ImageSource, resolvedImage } from "./resolved-image.ts";
import { stepEvent } from "./step-event.ts";

export interface ReconcilerParts {
  readonly client: KubeClient;
  readonly events: EventRecorder;
  readonly log: Logger;
  readonly images: ImageSource;
  readonly operator: OperatorPeer;
  /** Where the replica is asked whose pod has this address; absent: there, on its own ports. */
  readonly addressOf?: (ip: string) => ReplicaAddress;
  readonly nowMs: () => number;
  /** False once another operator may lead: then nothing more is written (E17). */
  readonly mayAct: () => boolean;
  /** Called for each step that was carried out, or not, for metrics. */
  readonly stepTaken: (store: StoreName, step: Step, ok: boolean) => void;
  /** A store was looked at, and its status says so. */
  readonly looked: (store: Store, input: PlanInput) => void;
  /** There is no store of this name any more, or none of this UID. */
  readonly gone: (store: StoreName, uid: string) => void;
}

export type StoreName = Pick<Store, "namespace" | "name">;

/** What is remembered of a store between looks; nothing is wrong when it is lost. */
interface Memory {
  /** Of the store. */
  readonly uid: string;
  readonly outages: Outages;
  readonly removed: Map<MemberId, bigint>;
  readonly applied: AppliedObjects;
}

/**
 * A step that was not begun by then is planned anew. With the longest that a call may take this stays well below
 * the time after which the plan counts on it that nothing of a latched step is still on its way.
 */
const planLivesMs = 60_000;
const terminatingRetryMs = 10_000;

/** Looks at one store, plans, and acts. Rejects with what kept it from that; it is then tried again later. */
export class Reconciler {
  readonly #parts: ReconcilerParts;
  /** By namespace and name of the store. */
  readonly #memories = new Map<string, Memory>();

  constructor(parts: ReconcilerParts) {
    this.#parts = parts;
  }

  /** Returns after how many milliseconds to look again; undefined: it is gone. */
  async reconcile(namespace: string, name: string): Promise<number | undefined> {
    const { client, mayAct } = this.#parts;
    if (!mayAct()) return undefined;
    const resource = (await client.read(refOf(namespace, name))) as ReplicatedStore | undefined;
    if (resource === undefined) {
      this.#forget({ namespace, name });
      return undefined;
    }
    const store = await this.#orNotObserved(resource, () => storeFrom(resource));
    const ready = await this.#withFinalizer(store, resource);
    // It was written: what was read is old, and the change comes as an event of its own.
    if (ready === undefined) return 0;
    return this.#turn(store, ready);
  }

  /** What can't be looked at is not known to be well any more: status says so, and why. Rejects as `look` does. */
  async #orNotObserved<T>(resource: ReplicatedStore, look: () => T | Promise<T>): Promise<T> {
    try {
      return await look();
    } catch (error) {
      const { client, log, nowMs } = this.#parts;
      const status = new StatusWriter(client, resource);
      const before = status.current;
      const why = error instanceof Error ? error.message : String(error);
      const generation = resource.metadata.generation ?? 0;
      const next = notObservedStatus(before, { generation, nowMs: nowMs(), why });
      // What kept it from looking may keep it from writing, too, and is what is told.
      await this.#writeIfSame(status, next).catch(() => {});
      const { namespace = "default", name } = resource.metadata;
      logConditions(log, nameOf({ namespace, name }), before, status.current);
      throw error;
    }
  }

  async #turn(store: Store, resource: ReplicatedStore): Promise<number> {
    const context = await this.#orNotObserved(resource, () => this.#observe(store, resource));
    const { input, objects, status } = context;
    const planned = aroundObstacles(plan(input), {
      obstacles: objects.obstacles,
      names: { peerService: names.peerService(store) },
      isFounded: status.current.clusterId !== undefined,
      deleting: input.deleting,
    });
    await this.#tellObstacles(context);
    const failure = await this.#carryOut(planned, context);
    await this.#writeStatus(await this.#withRefusal(planned, failure, context), context);
    this.#parts.looked(store, input);
    if (isKubeError(failure, "namespace-terminating")) {
      this.#parts.log.record("namespace.terminating", { store: nameOf(store) });
      return terminatingRetryMs;
    }
    if (failure !== undefined) throw failure;
    return planned.requeueAfterSeconds * 1000;
  }

  async #observe(
    store: Store,
    resource: ReplicatedStore,
  ): Promise<ActContext & { readonly version: string | undefined }> {
    const { client, images, operator, nowMs, mayAct, events, log } = this.#parts;
    const { outages, removed, applied } = this.#memory(store);
    const plannedMs = nowMs();
    const status = new StatusWriter(client, resource);
    const image = resolvedImage(store.spec, status.current.image, images);
    const { template, hash } = buildPodTemplate(store, image.resolved);
    const objects = await readStoreObjects(client, store, resource);
    const {
      input,
      addresses,
      version: running,
    } = await observe({
      client,
      store,
      objects,
      wantedHash: hash,
      outages,
      removed,
      nowMs: plannedMs,
      drawnClusterId: drawId(),
      addressOf: this.#parts.addressOf ?? replicaAddress,
      strangerMet: (slot, { name, peerUrl }) => {
        log.record("replica.stranger", { store: nameOf(store), slot, name, peerUrl });
      },
    });
    return {
      client,
      store,
      objects,
      input,
      addresses,
      wanted: { template, hash },
      operator,
      status,
      version: running,
      removed,
      applied,
      memberIn: (slot) => memberIn(store, slot),
      assertMayAct() {
        if (!mayAct()) throw new StepOutdatedError("another operator may lead by now");
        if (nowMs() - plannedMs > planLivesMs) throw new StepOutdatedError("this was planned too long ago");
      },
      event: (event) => events.record(objectOf(resource), { ...event, action: event.reason }),
      removeFinalizer: async () => {
        await client.mergePatch(refOf(store.namespace, store.name), withoutFinalizer(resource));
      },
    };
  }

  /** Of the resource that has the name now. */
  #memory(store: Store): Memory {
    const { uid } = store;
    if (this.#memories.get(nameOf(store))?.uid !== uid) this.#forget(store);
    const fresh = { uid, outages: new Map(), removed: new Map(), applied: new AppliedObjects() };
    const known = this.#memories.get(nameOf(store)) ?? fresh;
    this.#memories.set(nameOf(store), known);
    return known;
  }

  #forget(store: StoreName): void {
    const before = this.#memories.get(nameOf(store));
    if (before === undefined) return;
    this.#memories.delete(nameOf(store));
    this.#parts.gone(store, before.uid);
  }

  /** That somebody has to act on a name is told once as an Event; status has it for as long as it is so. */
  async #tellObstacles({ objects, status, input, event }: ActContext): Promise<void> {
    const degraded = status.current.conditions?.find(({ type }) => type === "Degraded");
    for (const { message, isPassing } of objects.obstacles) {
      if (input.deleting || isPassing || degraded?.message.includes(message)) continue;
      await event({ type: "Warning", reason: "NameTaken", note: message });
    }
  }

  /** What is refused for good has to be seen where a person looks: in status, and once as an Event. */
  async #withRefusal(planned: Plan, failure: Error | undefined, context: ActContext): Promise<Plan> {
    const finding = refusalFrom(failure);
    if (finding === undefined) return planned;
    const degraded = context.status.current.conditions?.find(({ type }) => type === "Degraded");
    if (degraded?.reason !== finding.reason) {
      await context.event({ type: "Warning", reason: finding.reason, note: finding.message });
    }
    return { ...planned, findings: [finding, ...planned.findings] };
  }

  /** Returns why not all of it was carried out: what is refused for good rather than what may pass. */
  async #carryOut(planned: Plan, context: ActContext): Promise<Error | undefined> {
    const failures = await this.#putRight(context);
    const end = failures.find((failure) => !concernsOneObject(failure));
    if (end !== undefined) return end;
    const failure = await this.#takeSteps(planned, context);
    const all = failure === undefined ? failures : [...failures, failure];
    return all.find((one) => refusalFrom(one) !== undefined) ?? failure ?? failures[0];
  }

  async #putRight(context: ActContext): Promise<readonly Error[]> {
    const { spec, deleting } = context.input;
    if (spec.paused || deleting) return [];
    const failures = await applyOwnedObjects(context);
    const unexpected = failures.find((failure) => !isExpected(failure));
    if (unexpected !== undefined) throw unexpected;
    return failures.filter(isExpected);
  }

  /** In order; what fails ends it, since the rest was planned on its success. Returns why. */
  async #takeSteps({ steps }: Plan, context: ActContext): Promise<Error | undefined> {
    const { log, stepTaken } = this.#parts;
    const { store } = context;
    for (const step of steps) {
      const fields = { store: nameOf(store), step: step.kind, reason: step.reason };
      try {
        await act(step, context);
        stepTaken(store, step, true);
        const event = stepEvent(step);
        // For people: nothing waits for it.
        if (event !== undefined) void context.event(event);
        if (step.kind !== "event") log.record("step.taken", fields);
      } catch (error) {
        stepTaken(store, step, false);
        if (isExpected(error)) {
          log.record("step.refused", { ...fields, why: error.message });
          return error;
        }
        throw error;
      }
    }
    return undefined;
  }

  async #writeStatus(
    planned: Plan,
    context: ActContext & { readonly version: string | undefined },
  ): Promise<void> {
    const { store, status, input, version: running } = context;
    const image = resolvedImage(store.spec, status.current.image, this.#parts.images);
    const selector = Object.entries(selectorLabels(store))
      .map(([key, value]) => `${key}=${value}`)
      .join(",");
    const before = status.current;
    const next = statusFrom(input, planned, before);
    await this.#writeIfSame(status, { ...next, image, selector, version: running });
    logConditions(this.#parts.log, nameOf(store), before, status.current);
  }

  async #writeIfSame(status: StatusWriter, next: StatusChange): Promise<void> {
    if (!this.#parts.mayAct()) return;
    try {
      await status.replace(next);
    } catch (error) {
      // It is deleted, or was edited since: the next look writes it.
      if (!isKubeError(error, "conflict") && !isKubeError(error, "not-found")) throw error;
    }
  }

  /** undefined: the resource was changed. The finalizer is there only while a deletion has claims to delete. */
  async #withFinalizer(store: Store, resource: ReplicatedStore): Promise<ReplicatedStore | undefined> {
    const isWanted = store.spec.storage.whenDeleted === "Delete";
    if (resource.metadata.deletionTimestamp !== undefined || isWanted === hasFinalizer(resource))
      return resource;
    const patch = isWanted ? withFinalizer(resource) : withoutFinalizer(resource);
    await this.#parts.client.mergePatch(refOf(store.namespace, store.name), patch);
    return undefined;
  }
}

/** What planning on an old view leads to, and what a replica or the API server may refuse at any time. */
function isExpected(error: unknown): error is Error {
  return (
    error instanceof KubeError || error instanceof ReplicaCallError || error instanceof StepOutdatedError
  );
}

/** And does not say that the view is old or that nothing may be made: members are looked after all the same. */
function concernsOneObject(failure: Error): boolean {
  const isOver = isKubeError(failure, "conflict") || isKubeError(failure, "namespace-terminating");
  return failure instanceof KubeError && !isOver;
}

function nameOf({ namespace, name }: Pick<Store, "namespace" | "name">): string {
  return `${namespace}/${name}`;
}

function refOf(namespace: string, name: string): ObjectRef {
  return { apiVersion: `${group}/${version}`, kind, namespace, name };
}

function objectOf(resource: ReplicatedStore): KubernetesObject {
  return { apiVersion: resource.apiVersion, kind: resource.kind, metadata: resource.metadata as never };
}

/** 16 hexadecimal digits, not 0. */
function drawId(): string {
  const id = randomBytes(8).toString("hex");
  return /^0+$/.test(id) ? drawId() : id;
}
