import type { WriteOperation } from "../apply/operation.ts";
import type { KeyValue } from "../mvcc/types.ts";
import { type MemberId, NO_MEMBER } from "../raft/types.ts";
import type { Clock } from "./clock.ts";
import type { ReplicaConfig } from "./config.ts";
import type { DiskRefusals } from "./disk-refusals.ts";
import type { DiskWatch } from "./disk-watch.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { RuntimeLimits } from "./limits.ts";
import { LongReads, revisionRefusalError } from "./long-reads.ts";
import { changeMembership, listMembers, transferLeadership } from "./member-admin.ts";
import type {
  AnswerState,
  CallOptions,
  HashAnswer,
  Identity,
  MemberListing,
  RangeAnswer,
  RangeRequest,
  ReadOptions,
  ReplicaApi,
  ReplicaStatus,
  TargetMember,
  WriteOptions,
  WriteOutcome,
} from "./replica-api.ts";
import { replicaStatus } from "./replica-status.ts";

interface ReplicaParts {
  readonly lifecycle: Lifecycle;
  readonly config: ReplicaConfig;
  readonly version: string;
  readonly clock: Clock;
  readonly disk: DiskWatch;
  readonly limits: RuntimeLimits;
  readonly diskRefusals: DiskRefusals;
}

/** What the RPC layer asks, answered by the member that the replica is, if it is one. */
export class Replica implements ReplicaApi {
  readonly #parts: ReplicaParts;
  readonly #lifecycle: Lifecycle;
  readonly #longReads: LongReads;

  constructor(parts: ReplicaParts) {
    this.#parts = parts;
    this.#lifecycle = parts.lifecycle;
    this.#longReads = new LongReads(parts.clock, parts.config.responseMaxBytes, parts.limits);
  }

  /** Writes proposed and not answered yet. */
  get proposalsPending(): number {
    return this.#lifecycle.member?.proposals.pending ?? 0;
  }

  answerState(): AnswerState {
    const { memberId, clusterId } = this.#lifecycle.directory.identity;
    const member = this.#lifecycle.member;
    const leaderId = member?.leader ?? NO_MEMBER;
    return {
      clusterId: clusterId ?? 0n,
      memberId,
      leaderId,
      leaderClientUrl: member?.record(leaderId)?.clientUrl ?? "",
      term: member?.node.term ?? 0n,
      revision: member?.machine.store.revision ?? 0n,
    };
  }

  identity(): Identity {
    return this.#lifecycle.identity();
  }

  status(): ReplicaStatus {
    return replicaStatus({
      version: this.#parts.version,
      config: this.#parts.config,
      directory: this.#lifecycle.directory,
      member: this.#lifecycle.member,
      diskBytesAvailable: this.#parts.disk.report.freeBytes,
      diskRefused: this.#isDiskRefused,
      problems: this.problems(),
    });
  }

  /**
   * A full disk is no reason: reads, and the deletes that make room, are served (B11). Nor is an election, which
   * would take every replica out of its Service at once (C4).
   */
  readiness(): readonly string[] {
    const { config, limits } = this.#parts;
    return this.#notServing(limits.leaderlessTimeouts * config.electionTimeoutMs);
  }

  get #isDiskRefused(): boolean {
    return this.#parts.diskRefusals.isRefused(this.#lifecycle.identity().memberId);
  }

  /** What is wrong, for whoever looks: more than what keeps it from being ready. */
  problems(): readonly string[] {
    const disk = this.#parts.disk.problem();
    const refused = this.#isDiskRefused ? ["its peers refuse its disk as an old copy"] : [];
    return [...this.#notServing(0), ...refused, ...(disk === undefined ? [] : [disk])];
  }

  #notServing(leaderlessMs: number): readonly string[] {
    const lifecycle = this.#lifecycle;
    if (lifecycle.leaving) return ["stopping"];
    if (lifecycle.resetting) return ["its data is being set aside"];
    if (lifecycle.isRemoved) return ["removed from the cluster"];
    if (lifecycle.recovery !== undefined) return ["its store was lost and is fetched from a peer"];
    return lifecycle.member?.readiness.problems(leaderlessMs) ?? ["not initialised: belongs to no cluster"];
  }

  write(operations: readonly WriteOperation[], options: WriteOptions): Promise<readonly WriteOutcome[]> {
    return this.#lifecycle.expectMember().write(operations, options);
  }

  awaitReadable(options: ReadOptions): Promise<void> {
    return this.#lifecycle.expectMember().awaitReadable(options);
  }

  get(key: Uint8Array, revision: bigint | undefined): KeyValue | undefined {
    const answer = this.#lifecycle.expectMember().machine.store.get(key, revision);
    if (answer !== undefined && "reason" in answer) throw revisionRefusalError(answer);
    return answer;
  }

  range(request: RangeRequest, options: CallOptions): Promise<RangeAnswer> {
    return this.#longReads.range(this.#lifecycle.expectMember().machine, request, options);
  }

  hash(revision: bigint | undefined, options: CallOptions): Promise<HashAnswer> {
    return this.#longReads.hash(this.#lifecycle.expectMember().machine, revision, options);
  }

  listMembers(options: ReadOptions): Promise<MemberListing> {
    return listMembers(this.#lifecycle.expectMember(), options);
  }

  changeMembership(
    expectedIndex: bigint,
    target: readonly TargetMember[],
    options: CallOptions,
  ): Promise<{ configurationIndex: bigint }> {
    return changeMembership(this.#lifecycle.expectMember(), { expectedIndex, target }, options);
  }

  transferLeadership(target: MemberId, options: CallOptions): Promise<{ leaderId: MemberId; term: bigint }> {
    return transferLeadership(this.#lifecycle.expectMember(), target, options);
  }

  bootstrap(clusterId: bigint, memberId: MemberId): Promise<{ configurationIndex: bigint }> {
    return this.#lifecycle.bootstrap(clusterId, memberId);
  }

  reset(clusterId: bigint, memberId: MemberId, removedIndex: bigint): Promise<{ memberId: MemberId }> {
    return this.#lifecycle.reset(clusterId, memberId, removedIndex);
  }
}
