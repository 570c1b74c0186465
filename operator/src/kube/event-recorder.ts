import { randomBytes } from "node:crypto";
import type { EventsV1Event, KubernetesObject } from "@kubernetes/client-node";
import type { KubeClient } from "./kube-client.ts";
import { isKubeError } from "./kube-error.ts";
import { microTimeNow } from "./micro-time.ts";
import type { QueueClock } from "./work-queue.ts";

export interface EventRecorderOptions {
  readonly client: KubeClient;
  readonly clock: QueueClock;
  /** `rstore.dev/operator` */
  readonly controller: string;
  /** The pod's name. */
  readonly instance: string;
  /** An event could not be sent. */
  readonly failed: (reason: string, message: string) => void;
}

export interface EventText {
  readonly type: "Normal" | "Warning";
  /** CamelCase, documented. */
  readonly reason: string;
  /** CamelCase: what was done or tried. */
  readonly action: string;
  /** For people; cut at 1,024 characters, which is the API's limit. */
  readonly note: string;
}

interface Sent {
  readonly name: string;
  count: number;
  atMs: number;
  /** When the count was last told. */
  toldMs: number;
}

/** Of one object: so many Events may be sent at once, and then one each `refillMs`. */
interface Allowance {
  left: number;
  atMs: number;
}

const noteMaxChars = 1024;
/** The same event within this time is counted up instead of being made again. */
const seriesMs = 10 * 60_000;
/** A series is counted in memory in between. */
const tellEveryMs = 30_000;
const burst = 25;
const refillMs = 20_000;
const rememberedMax = 500;

const kind = { apiVersion: "events.k8s.io/v1", kind: "Event" };

/**
 * Sends Events about objects: the same one once, with a count, and of each object so many at most. Events are for
 * people: losing one is no error.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #sent = new Map<string, Sent>();
  /** By UID of the object. */
  readonly #allowances = new Map<string, Allowance>();

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  async record(object: KubernetesObject, event: EventText): Promise<void> {
    const { clock, failed } = this.#options;
    const note = event.note.slice(0, noteMaxChars);
    const key = [object.metadata?.uid, event.type, event.reason, event.action, note].join("\n");
    const nowMs = clock.nowMs();
    const before = this.#sent.get(key);
    try {
      if (before !== undefined && nowMs - before.atMs < seriesMs) await this.#countUp(object, before, nowMs);
      else if (this.#isAllowed(object.metadata?.uid ?? "", nowMs))
        await this.#create(object, { ...event, note }, key);
    } catch (error) {
      failed(event.reason, (error as Error).message);
    }
  }

  async #create(object: KubernetesObject, event: EventText, key: string): Promise<void> {
    const { client, controller, instance, clock } = this.#options;
    const { name = "", namespace = "default", uid = "" } = object.metadata ?? {};
    const eventName = `${name.slice(0, 230)}.${randomBytes(8).toString("hex")}`;
    const nowMs = clock.nowMs();
    keep(this.#sent, key, { name: eventName, count: 1, atMs: nowMs, toldMs: nowMs });
    await client.create<EventsV1Event>({
      ...kind,
      metadata: { name: eventName, namespace },
      ...event,
      eventTime: microTimeNow(),
      reportingController: controller,
      reportingInstance: instance,
      regarding: { apiVersion: object.apiVersion ?? "", kind: object.kind ?? "", name, namespace, uid },
    });
  }

  async #countUp(object: KubernetesObject, sent: Sent, nowMs: number): Promise<void> {
    sent.count += 1;
    sent.atMs = nowMs;
    if (nowMs - sent.toldMs < tellEveryMs) return;
    sent.toldMs = nowMs;
    const ref = { ...kind, namespace: object.metadata?.namespace ?? "default", name: sent.name };
    const series = { count: sent.count, lastObservedTime: new Date().toISOString().replace("Z", "000Z") };
    try {
      await this.#options.client.mergePatch(ref, { series });
    } catch (error) {
      // Events are deleted by the API server after an hour.
      if (!isKubeError(error, "not-found")) throw error;
    }
  }

  #isAllowed(uid: string, nowMs: number): boolean {
    const before = this.#allowances.get(uid) ?? { left: burst, atMs: nowMs };
    const left = Math.min(burst, before.left + (nowMs - before.atMs) / refillMs);
    const isAllowed = left >= 1;
    keep(this.#allowances, uid, { left: isAllowed ? left - 1 : left, atMs: nowMs });
    return isAllowed;
  }
}

/** Forgets what was touched longest ago. */
function keep<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > rememberedMax) map.delete(map.keys().next().value!);
}
