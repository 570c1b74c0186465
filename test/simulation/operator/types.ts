import type { ReplicatedStoreStatus } from "@rstore/operator/api/v1alpha1/types";
import type { Claim, NodeState, PlanSpec, Replica } from "@rstore/operator/plan/observation";

/** The resource as the API server has it. */
export interface SimResource {
  /** Another one when it was deleted and made again. */
  readonly uid: string;
  readonly generation: number;
  readonly spec: PlanSpec;
  readonly status: ReplicatedStoreStatus;
  /** Moves with every write of spec or status. */
  readonly version: number;
  /** Hash of what spec asks for. */
  readonly wantedTemplate: string;
}

/** What keeps processes in the slots below `kept`; as a StatefulSet. */
export interface SimSet {
  readonly kept: number;
  readonly template: string | undefined;
  /** Moves with every edit. */
  readonly version: number;
}

/** One slot as the API server has it. */
export interface SlotObjects {
  readonly index: number;
  readonly kept: boolean;
  readonly claim?: Claim;
  readonly replica?: Replica;
  readonly node: NodeState;
  /** Its process is marked as a voter's. */
  readonly marked: boolean;
  /** Of a process that ended because of its disk. */
  readonly damage: string | undefined;
}

/** What the API server answers to a list of everything but the resource, at some time. */
export interface SimObjects {
  readonly atUs: number;
  readonly set: SimSet;
  readonly minAvailable: number | undefined;
  readonly budgetVersion: number;
  readonly slots: readonly SlotObjects[];
}

/** Chances, each from 0 to 1, of what befalls an operator's calls. */
export interface OperatorWeather {
  /** A turn begins with lists that are old. */
  readonly stale: number;
  /** A call is lost on its way. */
  readonly lost: number;
  /** A call fails, and is carried out later, after other turns. */
  readonly late: number;
  /** A call is carried out and answered with an error. */
  readonly unanswered: number;
}

export const calmWeather: OperatorWeather = { stale: 0, lost: 0, late: 0, unanswered: 0 };

/** A call was refused, lost or not answered: the turn ends, and everything is looked at anew. */
export class CallFailed extends Error {}
