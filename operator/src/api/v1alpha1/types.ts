/** 16 lower-case hexadecimal digits, as the replicas print their ids. */
export type MemberId = string;
/** 16 lower-case hexadecimal digits. */
export type ClusterId = string;
/** RFC 3339 in UTC. */
export type Timestamp = string;
/** A Kubernetes quantity: `10Gi`, `500m`. */
export type Quantity = string;

export type ClaimPolicy = "Retain" | "Delete";
export type ReplacementMode = "Automatic" | "Manual";

/** A `ReplicatedStore` as users write it: what is absent has a default. */
export interface ReplicatedStoreSpec {
  /** Voters, 1–9. */
  readonly replicas?: number;
  /** Version of rstore; the operator knows its image. Not together with `image`. */
  readonly version?: string;
  readonly image?: string;
  readonly imagePullPolicy?: "Always" | "IfNotPresent" | "Never";
  readonly imagePullSecrets?: readonly { readonly name: string }[];
  readonly storage?: StorageSpec;
  readonly resources?: ResourceRequirements;
  readonly scheduling?: SchedulingSpec;
  readonly pod?: ObjectMetadata;
  readonly service?: ServiceSpec;
  readonly raft?: RaftSpec;
  readonly limits?: LimitsSpec;
  readonly compaction?: CompactionSpec;
  readonly logLevel?: "debug" | "info" | "warn" | "error";
  readonly tracing?: TracingSpec;
  /** The operator observes and reports, and changes nothing but the budget that drains go by. */
  readonly paused?: boolean;
  readonly replacement?: ReplacementSpec;
  /** Newcomers that have not caught up by then are taken away again. */
  readonly catchUpDeadlineSeconds?: number;
  readonly networkPolicy?: NetworkPolicySpec;
  readonly drains?: DrainsSpec;
}

export interface StorageSpec {
  /** Immutable. */
  readonly size?: Quantity;
  /** Immutable. */
  readonly storageClassName?: string;
  /** What becomes of the claims of members that a smaller `replicas` took away. */
  readonly whenScaled?: ClaimPolicy;
  /** What becomes of all claims when the resource is deleted. */
  readonly whenDeleted?: ClaimPolicy;
}

export interface ResourceRequirements {
  readonly requests?: Readonly<Record<string, Quantity>>;
  readonly limits?: Readonly<Record<string, Quantity>>;
}

/** Kubernetes' own structures, passed on as they are. */
export interface SchedulingSpec {
  readonly affinity?: object;
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly tolerations?: readonly object[];
  /** Absent: spread over nodes and zones. */
  readonly topologySpreadConstraints?: readonly object[];
  readonly priorityClassName?: string;
}

export interface ObjectMetadata {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface ServiceSpec extends ObjectMetadata {
  readonly type?: "ClusterIP" | "NodePort" | "LoadBalancer";
}

export interface RaftSpec {
  readonly heartbeatIntervalSeconds?: number;
  readonly electionTimeoutSeconds?: number;
}

export interface LimitsSpec {
  readonly storeQuota?: Quantity;
  readonly requestMax?: Quantity;
  readonly connectionsMax?: number;
}

export interface CompactionSpec {
  /** Old revisions to keep. */
  readonly keepRevisions?: number;
  readonly keepSeconds?: number;
}

export interface TracingSpec {
  /** OTLP/HTTP URL. */
  readonly endpoint: string;
  /** 0–1. */
  readonly sampleRatio?: number;
}

export interface ReplacementSpec {
  readonly mode?: ReplacementMode;
  /** A member that nobody reached for so long may be replaced. */
  readonly afterSeconds?: number;
}

export interface NetworkPolicySpec {
  readonly enabled?: boolean;
  /** NetworkPolicyPeers that reach the client port; absent: everybody. */
  readonly clients?: readonly object[];
  /** NetworkPolicyPeers that reach the metrics port; absent: everybody. */
  readonly metrics?: readonly object[];
}

export interface DrainsSpec {
  /** A store of one or two members can't be drained without an outage: may it be? */
  readonly mayInterruptService?: boolean;
}

export interface ReplicatedStoreStatus {
  readonly observedGeneration?: number;
  /** Written once, after the bootstrapped member confirmed it, or when members were adopted. */
  readonly clusterId?: ClusterId;
  /** The intent to found a cluster: written before the call, never again. */
  readonly bootstrap?: BootstrapStatus;
  /** Slots with a process. */
  readonly replicas?: number;
  /** Processes that serve linearizable requests. */
  readonly readyReplicas?: number;
  /** Serving and wanted replicas, as `3/3`. */
  readonly ready?: string;
  /** `Healthy`, or the reason of the condition that says most, for the printer column. */
  readonly summary?: string;
  /** Label selector of the pods, for the scale subresource. */
  readonly selector?: string;
  /** Name of the leading member. */
  readonly leader?: string;
  readonly members?: readonly MemberStatus[];
  /** Of the replicas, when they all have the same. */
  readonly version?: string;
  readonly image?: ResolvedImage;
  /** The latch: the disruptive step under way. */
  readonly change?: Change;
  /** The attempt to grow that is under way or was given up. */
  readonly scaleOut?: ScaleOutStatus;
  /** The last number of replicas that was reached in full. */
  readonly settledReplicas?: number;
  readonly lastObservedTime?: Timestamp;
  readonly conditions?: readonly Condition[];
}

export interface BootstrapStatus {
  readonly clusterId: ClusterId;
  readonly memberId: MemberId;
}

/** The image that `requested` (of spec) stood for when the user last edited it. */
export interface ResolvedImage {
  readonly requested: string;
  readonly resolved: string;
}

export type MemberHealth = "Healthy" | "CatchingUp" | "Unreachable" | "Lost" | "Unknown";
export type MemberRole = "Leader" | "Follower" | "Learner" | "Leaving";

export interface MemberStatus {
  readonly id: MemberId;
  readonly name: string;
  /** Absent: no slot is known to hold its disk. */
  readonly slot?: number;
  readonly role: MemberRole;
  readonly caughtUp: boolean;
  readonly health: MemberHealth;
  /** Since when `health` is what it is. */
  readonly since: Timestamp;
  /** Highest number of starts that the member reported: a disk that reports fewer is an old copy. */
  readonly incarnation?: string;
}

export type ChangeKind = "ChangeMembership" | "DeleteClaim" | "Restart" | "StopSlots";

/** Written before a disruptive step, cleared when its effect was observed. */
export interface Change {
  readonly kind: ChangeKind;
  /** In words, for a person. */
  readonly reason: string;
  readonly startedTime: Timestamp;
  /** At most half a minute before it was last tried; absent: so is startedTime. */
  readonly triedTime?: Timestamp;
  /** Index of the configuration that the step was planned with; decimal. */
  readonly configurationIndex: string;
  /** Of DeleteClaim and Restart; of StopSlots the lowest. */
  readonly slot?: number;
  /** UID of the claim or process. */
  readonly uid?: string;
  /** Voters of the target; of ChangeMembership. */
  readonly voters?: readonly MemberId[];
}

export interface ScaleOutStatus {
  /** Of the spec that the attempt is for. */
  readonly generation: number;
  readonly target: number;
  /** The first slot of a newcomer. */
  readonly from: number;
  readonly startedTime: Timestamp;
  /** Attempts that were given up. */
  readonly givenUp: number;
  /** Set while given up: not tried again before, unless spec is edited. */
  readonly retryTime?: Timestamp;
  /** UIDs of claims that were there before: never taken away with the newcomers. */
  readonly keptClaims: readonly string[];
}

export type ConditionType = "Available" | "Progressing" | "Degraded";
export type ConditionStatus = "True" | "False" | "Unknown";

export interface Condition {
  readonly type: ConditionType;
  readonly status: ConditionStatus;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
  readonly lastTransitionTime: Timestamp;
}

export interface ReplicatedStore {
  readonly apiVersion: "rstore.dev/v1alpha1";
  readonly kind: "ReplicatedStore";
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly generation?: number;
    readonly resourceVersion?: string;
    readonly deletionTimestamp?: Timestamp;
    readonly finalizers?: readonly string[];
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: ReplicatedStoreSpec;
  readonly status?: ReplicatedStoreStatus;
}
