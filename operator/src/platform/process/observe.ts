import { get } from "node:http";
import type { MemberId } from "../../api/v1alpha1/types.ts";
import { type ObservedReplica, observeConfiguration, observeReplica } from "../../member/observe-members.ts";
import type { ReplicaAddress } from "../../member/replica-client.ts";
import type { PlanInput, Replica, Report, Slot } from "../../plan/observation.ts";
import { type Outages, reportOf } from "../outages.ts";
import { planSpec } from "../plan-spec.ts";
import type { ReplicaSet } from "./replica-set.ts";
import { slotOfName } from "./slot-address.ts";
import type { StoredResource } from "./status-file.ts";

export interface ObserveParts {
  readonly resource: StoredResource;
  readonly replicas: ReplicaSet;
  readonly wantedHash: string;
  readonly outages: Outages;
  /** Ids that a leader refused as removed, with the index of their removal. */
  readonly removed: ReadonlyMap<MemberId, bigint>;
  readonly nowMs: number;
  readonly drawnClusterId: string;
}

export interface Observation {
  readonly input: PlanInput;
  /** Where the replicas that run are, by slot. */
  readonly addresses: ReadonlyMap<number, ReplicaAddress>;
  /** Version that all replicas have; undefined: they differ, or none answered. */
  readonly version: string | undefined;
}

type Asked = ObservedReplica & { readonly address: ReplicaAddress; readonly ready: boolean };

const readyTimeoutMs = 1_000;

/** Looks at directories and processes, asks the replicas, and puts together what the plan looks at. */
export async function observe(parts: ObserveParts): Promise<Observation> {
  const { resource, replicas, wantedHash, nowMs, drawnClusterId } = parts;
  const asked = await askAll(replicas);
  const configuration = await observeConfiguration([...asked.values()], slotOfName);
  const removed = [...parts.removed].map(([id, index]) => ({ id, index }));
  const input: PlanInput = {
    now: nowMs,
    generation: resource.metadata.generation,
    deleting: false,
    spec: planSpec(resource.spec),
    status: resource.status,
    slots: replicas.slots().map((slot) => slotFrom(parts, slot, asked.get(slot))),
    configuration: configuration && { ...configuration, removed },
    template: { wanted: wantedHash, current: replicas.templateHash },
    budget: replicas.budget,
    drawnClusterId,
  };
  const versions = new Set([...asked.values()].flatMap(({ status }) => status?.version ?? []));
  return {
    input,
    addresses: new Map([...asked].map(([slot, { address }]) => [slot, address])),
    version: versions.size === 1 ? [...versions][0] : undefined,
  };
}

/** Only where a process of ours runs: whatever else listens there is none of ours. */
async function askAll(replicas: ReplicaSet): Promise<Map<number, Asked>> {
  const running = replicas.slots().filter((slot) => replicas.process(slot)?.isRunning === true);
  const answers = await Promise.all(
    running.map(async (slot): Promise<[number, Asked]> => {
      const address = replicas.address(slot);
      const [observed, ready] = await Promise.all([
        observeReplica(address, address),
        isReady(address.metricsUrl),
      ]);
      return [slot, { ...observed, address, ready }];
    }),
  );
  return new Map(answers);
}

function slotFrom(parts: ObserveParts, index: number, asked: Asked | undefined): Slot {
  const { replicas } = parts;
  const uid = replicas.claim(index);
  const process = replicas.process(index);
  return {
    index,
    kept: index < replicas.kept,
    // A directory of this machine is lost only by being deleted, and is then no claim at all.
    ...(uid === undefined
      ? {}
      : { claim: { uid, deleting: false, lost: false, attachableElsewhere: false } }),
    ...(process === undefined ? {} : { replica: replicaFrom(process, asked) }),
    node: { state: "ok" },
    report: reportAt(parts, index, asked),
  };
}

type Process = NonNullable<ReturnType<ReplicaSet["process"]>>;

function replicaFrom(process: Process, asked: Asked | undefined): Replica {
  const waiting = process.waiting ?? (asked?.answer === undefined ? "Starting" : undefined);
  return {
    uid: process.uid,
    ready: process.isRunning && asked?.ready === true,
    deleting: process.isStopping,
    templateHash: process.templateHash,
    ...(waiting === undefined ? {} : { waiting }),
  };
}

function reportAt(
  { replicas, outages, nowMs }: ObserveParts,
  index: number,
  asked: Asked | undefined,
): Report {
  const process = replicas.process(index);
  return reportOf(outages, {
    uid: process?.uid ?? `slot ${index}`,
    observed: asked,
    damage: process?.damage,
    unreadySince: asked?.ready === true ? undefined : 0,
    nowMs,
  });
}

/** Serves linearizable requests, says its probe. */
function isReady(metricsUrl: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(`${metricsUrl}/readyz`, { agent: false, timeout: readyTimeoutMs }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(false));
  });
}
