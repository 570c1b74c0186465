import type { ClaimPolicy, MemberId, ReplacementMode, ReplicatedStoreStatus } from "../api/v1alpha1/types.ts";

/** What the plan reads of spec, after defaults. */
export interface PlanSpec {
  /** 1–9. */
  readonly replicas: number;
  readonly paused: boolean;
  readonly whenScaled: ClaimPolicy;
  readonly whenDeleted: ClaimPolicy;
  readonly replacementMode: ReplacementMode;
  readonly replaceAfterSeconds: number;
  readonly catchUpDeadlineSeconds: number;
  readonly drainsMayInterruptService: boolean;
}

export interface PlanInput {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** metadata.generation of the resource. */
  readonly generation: number;
  /** The resource is being deleted. */
  readonly deleting: boolean;
  readonly spec: PlanSpec;
  readonly status: ReplicatedStoreStatus;
  /** Every slot that has a claim or a process, or that the platform keeps a process in. In any order. */
  readonly slots: readonly Slot[];
  /** As a member answered linearizably; undefined when none did. */
  readonly configuration: Configuration | undefined;
  readonly template: TemplateHashes;
  readonly budget: Budget | undefined;
  /** Somebody else has the name of the budget and keeps it: there can't be one. */
  readonly isBudgetTaken?: boolean;
  /** Random and not 0: the cluster id to use if one is to be founded now. */
  readonly drawnClusterId: string;
}

/** A numbered place for a replica: its process, its volume, and what the replica says of itself. */
export interface Slot {
  readonly index: number;
  /** The platform keeps a process here (a StatefulSet's replicas lie above the index). */
  readonly kept: boolean;
  readonly claim?: Claim;
  readonly replica?: Replica;
  /** Where the process runs or, without one, where the volume is bound to. */
  readonly node: NodeState;
  /** Of the node that the process was given to; absent where all are on one machine. */
  readonly nodeName?: string;
  readonly report: Report;
}

export interface Claim {
  readonly uid: string;
  readonly deleting: boolean;
  /** The volume behind it is gone for good. */
  readonly lost: boolean;
  /** The volume can be attached on another node than where it is. */
  readonly attachableElsewhere: boolean;
  /** The storage class that it asks for, when there is none of that name. */
  readonly missingClass?: string;
}

export type WaitingReason = "ImagePull" | "CrashLoop" | "Unschedulable" | "ConfigurationError" | "Starting";

export interface Replica {
  readonly uid: string;
  /** Serves linearizable requests, says the platform. */
  readonly ready: boolean;
  readonly deleting: boolean;
  /** Of the template that it was made from. */
  readonly templateHash: string;
  /** Why it does not run. */
  readonly waiting?: WaitingReason;
}

/** `unknown`: the operator may not read nodes. `since` in milliseconds since the epoch. */
export type NodeState =
  | { readonly state: "ok" | "gone" | "out-of-service" | "unknown" }
  | { readonly state: "unreachable"; readonly since: number };

/** What the replica in a slot says of its disk, asked at its observed address. */
export type Report =
  /** No answer since, in milliseconds since the epoch. */
  | { readonly kind: "silent"; readonly since: number }
  | { readonly kind: "blank"; readonly memberId: MemberId }
  | {
      readonly kind: "member";
      readonly memberId: MemberId;
      readonly clusterId: string;
      readonly incarnation: bigint;
      /** Knows no leader at the moment, or does not say. */
      readonly leaderless: boolean;
      /**
       * Says at every look that it knows no leader, and is not ready, since then: milliseconds since the epoch. Counted
       * anew with each process, and by an operator that starts anew.
       */
      readonly leaderlessSince?: number;
      /** Its peers refuse its disk as an old copy. */
      readonly refused?: boolean;
    }
  | {
      readonly kind: "removed";
      readonly memberId: MemberId;
      readonly clusterId: string;
      readonly removedIndex: bigint;
    }
  /**
   * It ended because its disk is damaged, cut off or an old copy (exit codes 71, 73): restarting does not help. Not
   * so one that differs from its leader (80): whose state is right is for people to decide, before a disk is deleted.
   */
  | { readonly kind: "damaged"; readonly detail: string };

export type MemberKind = "voter" | "learner" | "outgoing";

export interface ConfiguredMember {
  readonly id: MemberId;
  readonly name: string;
  /** The slot that its name says; undefined for a name that is none of ours. */
  readonly slot: number | undefined;
  /** While joint: `voter` in the incoming half, `outgoing` in the other one only. */
  readonly kind: MemberKind;
  /** The leader heard of it lately; the leader itself is active. */
  readonly active: boolean;
  /** Lacks so little of the log that it may become a voter. */
  readonly caughtUp: boolean;
}

export interface Configuration {
  readonly term: bigint;
  readonly index: bigint;
  readonly joint: boolean;
  readonly committed: boolean;
  readonly leader: MemberId | undefined;
  readonly members: readonly ConfiguredMember[];
  /**
   * Ids that can't come back, with the index of their removal, as far as it is known: at least those for which
   * a change was refused with `member-removed`. A learner that was dropped before anybody called it is one.
   */
  readonly removed?: readonly { readonly id: MemberId; readonly index: bigint }[];
}

export interface TemplateHashes {
  /** Of what spec asks for. */
  readonly wanted: string;
  /** Of what new processes are made from; undefined before the first. */
  readonly current: string | undefined;
}

export interface Budget {
  /** So many of the processes that are marked as voters must stay when one is evicted. */
  readonly minAvailable: number;
  /** Slots whose replicas are marked as voters, ascending: as observed on the replicas. */
  readonly voters: readonly number[];
}
