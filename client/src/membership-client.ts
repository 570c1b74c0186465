import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { MemberKind as WireMemberKind } from "@rstore/proto/rstore/v1/cluster";
import { MembershipService } from "@rstore/proto/rstore/v1/membership";
import { Endpoints, normalUrl } from "./endpoints.ts";
import { RstoreError } from "./errors.ts";
import type { CallOptions, TlsOptions } from "./types.ts";
import { callUnary } from "./unary.ts";

/** What the disk of a replica says. */
export interface Identity {
  readonly memberId: bigint;
  /** 0n: it belongs to no cluster. */
  readonly clusterId: bigint;
  readonly name: string;
  readonly peerUrl: string;
  readonly clientUrl: string;
  /** Number of starts of this member on this disk. */
  readonly incarnation: bigint;
  readonly removed: boolean;
  /** With removed: the index of the committed configuration without it. */
  readonly removedIndex: bigint;
  readonly version: string;
}

/** A member of the configuration that is asked for. */
export interface TargetMember {
  readonly id: bigint;
  /** Empty, like the URLs: what is known of a present member stays. */
  readonly name: string;
  readonly peerUrl: string;
  readonly clientUrl: string;
  readonly kind: "voter" | "learner";
}

/** Room for learners to be looked at and two configurations to be committed. */
const changeTimeoutMs = 30_000;
const defaultTimeoutMs = 5_000;

/** The administrator's calls to one replica's peer port. */
export class MembershipClient {
  readonly peerUrl: string;
  readonly #endpoints: Endpoints;
  readonly #timeoutMs: number;

  constructor(peerUrl: string, options: { readonly timeoutMs?: number; readonly tls?: TlsOptions } = {}) {
    this.peerUrl = normalUrl(peerUrl);
    if (this.peerUrl === "") throw new RstoreError("invalid-argument", `${peerUrl} is not a peer URL`);
    this.#endpoints = new Endpoints([this.peerUrl], options.tls === undefined ? {} : { tls: options.tls });
    this.#timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  }

  async identity(options: CallOptions = {}): Promise<Identity> {
    const answer = await this.#call(MembershipService.method.getIdentity, {}, options, false);
    const { $typeName: _typeName, $unknown: _unknown, ...identity } = answer;
    return identity;
  }

  /** Founds a cluster of one on this blank replica. A repeated call with the same ids succeeds. */
  async bootstrap(clusterId: bigint, memberId: bigint, options: CallOptions = {}): Promise<void> {
    // The same ids found the same cluster: sending it again is safe, as for a read.
    await this.#call(MembershipService.method.bootstrap, { clusterId, memberId }, options, false);
  }

  /** Only the leader takes it. Returns the index of the configuration then in force. */
  async changeMembership(
    expectedConfigurationIndex: bigint,
    target: readonly TargetMember[],
    options: CallOptions = {},
  ): Promise<bigint> {
    const members = target.map(({ kind, ...member }) => ({
      ...member,
      kind: kind === "voter" ? WireMemberKind.VOTER : WireMemberKind.LEARNER,
    }));
    const answer = await this.#call(
      MembershipService.method.changeMembership,
      { expectedConfigurationIndex, members },
      { timeoutMs: changeTimeoutMs, ...options },
      true,
    );
    return answer.configurationIndex;
  }

  /** To the voter with the most complete log when `targetId` is 0n. */
  async transferLeadership(
    targetId: bigint,
    options: CallOptions = {},
  ): Promise<{ readonly leaderId: bigint; readonly term: bigint }> {
    const { leaderId, term } = await this.#call(
      MembershipService.method.transferLeadership,
      { targetId },
      options,
      true,
    );
    return { leaderId, term };
  }

  /** Sets a removed member's data aside; returns the id drawn for its blank disk. */
  async reset(
    clusterId: bigint,
    memberId: bigint,
    removedIndex: bigint,
    options: CallOptions = {},
  ): Promise<bigint> {
    const request = { clusterId, memberId, removedIndex };
    const answer = await this.#call(MembershipService.method.reset, request, options, true);
    return answer.memberId;
  }

  close(): void {
    this.#endpoints.close();
  }

  #call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options: CallOptions,
    write: boolean,
  ): Promise<MessageShape<O>> {
    return callUnary(this.#endpoints, method, request, {
      timeoutMs: this.#timeoutMs,
      ...options,
      write,
      pick: () => this.#endpoints.at(this.peerUrl),
      header: () => undefined,
    });
  }
}

/** Asks one replica and closes the connection again. */
export async function withMembershipClient<T>(
  peerUrl: string,
  call: (client: MembershipClient) => Promise<T>,
  options: { readonly timeoutMs?: number; readonly tls?: TlsOptions } = {},
): Promise<T> {
  const client = new MembershipClient(peerUrl, options);
  try {
    return await call(client);
  } finally {
    client.close();
  }
}
