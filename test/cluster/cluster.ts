import { randomBytes } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { Client, type ClientOptions } from "@rstore/client";
import { type ListMembersResponse, MemberKind } from "@rstore/proto/rstore/v1/cluster";
import { Consistency } from "@rstore/proto/rstore/v1/kv";
import { Role, type StatusResponse } from "@rstore/proto/rstore/v1/maintenance";
import type { TargetMemberSchema } from "@rstore/proto/rstore/v1/membership";
import { eventually } from "./eventually.ts";
import { Links } from "./links.ts";
import { removeScratch, scratchDirectory } from "./reaper.ts";
import { ReplicaProcess, type ReplicaSettings } from "./replica-process.ts";
import { clusterAt, maintenanceAt } from "./services.ts";

export interface ClusterOptions {
  /** For every replica. */
  readonly settings?: ReplicaSettings;
  /** Put a proxy before each peer port, so that links can be cut. */
  readonly proxied?: boolean;
  /** Flags of Node itself for the replica of this name, such as --cpu-prof. */
  readonly nodeFlags?: (name: string) => readonly string[];
}

type Target = MessageInitShape<typeof TargetMemberSchema>;

const changeTimeoutMs = 60_000;

/** Random and not 0. */
export function drawClusterId(): bigint {
  return randomBytes(8).readBigUInt64BE() || 1n;
}

/** A cluster of real replica processes on the loopback. */
export class Cluster {
  readonly directory: string;
  readonly replicas: ReplicaProcess[] = [];
  readonly links: Links | undefined;
  readonly #options: ClusterOptions;
  readonly #clients: Client[] = [];

  constructor(options: ClusterOptions = {}) {
    this.#options = options;
    this.directory = scratchDirectory("cluster");
    this.links = options.proxied === true ? new Links() : undefined;
  }

  /** `count` voters that have elected a leader. */
  static async boot(count: number, options: ClusterOptions = {}): Promise<Cluster> {
    const cluster = new Cluster(options);
    try {
      await Promise.all(Array.from({ length: count }, () => cluster.addReplica()));
      await cluster.bootstrap(cluster.replica(0));
      if (count > 1) await cluster.change({ add: cluster.replicas.slice(1) });
      return cluster;
    } catch (error) {
      console.error(cluster.logTails());
      await cluster.dispose();
      throw error;
    }
  }

  replica(at: number): ReplicaProcess {
    const replica = this.replicas[at];
    if (replica === undefined) throw new Error(`there is no replica ${at}`);
    return replica;
  }

  named(name: string): ReplicaProcess {
    return this.replica(this.replicas.findIndex((replica) => replica.name === name));
  }

  get running(): ReplicaProcess[] {
    return this.replicas.filter(({ isRunning }) => isRunning);
  }

  /** One more blank replica, started; a member only after `change`. */
  async addReplica(settings: ReplicaSettings = {}): Promise<ReplicaProcess> {
    const { nodeFlags } = this.#options;
    // Taken before the first await, so that replicas added at once have names of their own.
    const name = `r${++this.#named}`;
    const replica = await ReplicaProcess.create({
      name,
      directory: this.directory,
      settings: { ...this.#options.settings, ...settings },
      ...(nodeFlags !== undefined && { nodeFlags: nodeFlags(name) }),
    });
    if (this.links !== undefined) replica.advertisePeerAt(await this.links.add(replica));
    this.replicas.push(replica);
    this.replicas.sort((a, b) => Number(a.name.slice(1)) - Number(b.name.slice(1)));
    return replica.start();
  }
  #named = 0;

  /** It left the cluster: nothing waits for it any more. It is still killed with the others. */
  forget(replica: ReplicaProcess): void {
    const at = this.replicas.indexOf(replica);
    if (at >= 0) this.#forgotten.push(...this.replicas.splice(at, 1));
  }
  readonly #forgotten: ReplicaProcess[] = [];

  /** Founds the cluster on one replica and waits until it leads. */
  async bootstrap(replica: ReplicaProcess, clusterId = drawClusterId()): Promise<bigint> {
    await replica.membership.bootstrap({ clusterId, memberId: await replica.memberId() });
    await this.leader();
    return clusterId;
  }

  /** The replica that leads, as it says itself and a majority of the others agrees. */
  async leader(timeoutMs = 20_000): Promise<ReplicaProcess> {
    return eventually("there is a leader", () => this.findLeader(), { timeoutMs });
  }

  async findLeader(): Promise<ReplicaProcess | undefined> {
    const statuses = await this.statuses();
    let found: { readonly replica: ReplicaProcess; readonly term: bigint } | undefined;
    for (const [replica, { role, header }] of statuses) {
      if (role !== Role.LEADER || (found !== undefined && header!.term <= found.term)) continue;
      found = { replica, term: header!.term };
    }
    return found?.replica;
  }

  /** A running replica that does not lead. */
  async follower(): Promise<ReplicaProcess> {
    const leader = await this.leader();
    return this.running.find((replica) => replica !== leader)!;
  }

  /** Of the replicas that answer. */
  async statuses(): Promise<Map<ReplicaProcess, StatusResponse>> {
    const entries = await Promise.all(
      this.running.map(async (replica) => [replica, await replica.status().catch(() => undefined)] as const),
    );
    return new Map(
      entries.filter((entry): entry is [ReplicaProcess, StatusResponse] => entry[1] !== undefined),
    );
  }

  /** Linearizable, from any replica that answers. */
  async listMembers(): Promise<ListMembersResponse> {
    let last: unknown = new Error("no replica runs");
    for (const replica of [await this.findLeader(), ...this.running]) {
      if (replica === undefined) continue;
      try {
        return await clusterAt(replica.clientUrl).listMembers(
          { consistency: Consistency.LINEARIZABLE },
          { timeoutMs: 2_000 },
        );
      } catch (error) {
        last = error;
      }
    }
    throw last;
  }

  /**
   * Newcomers become learners; once they have caught up they become voters and others leave in one joint
   * change. Repeated until it is in force or the deadline comes, as an operator would do.
   */
  async change(
    { add = [], remove = [] }: { add?: readonly ReplicaProcess[]; remove?: readonly bigint[] },
    timeoutMs = changeTimeoutMs,
  ): Promise<ListMembersResponse> {
    const newcomers = await Promise.all(
      add.map(async (replica) => ({
        id: await eventually(`${replica.name} says who it is`, () => replica.memberId()),
        name: replica.name,
        peerUrl: replica.advertisedPeerUrl,
        clientUrl: replica.clientUrl,
      })),
    );
    const ids = new Set(newcomers.map(({ id }) => id));
    if (newcomers.length > 0) {
      await this.#reach(timeoutMs, (members) => {
        const known = new Set(members.map(({ id }) => id));
        const learners = newcomers.filter(({ id }) => !known.has(id));
        return [...members, ...learners.map((learner) => ({ ...learner, kind: MemberKind.LEARNER }))];
      });
    }
    return this.#reach(timeoutMs, (members) =>
      members
        .filter(({ id }) => !remove.includes(id!))
        .map((member) => (ids.has(member.id!) ? { ...member, kind: MemberKind.VOTER } : member)),
    );
  }

  /** Plans from the list, asks the leader, and looks again, until the plan is what is in force. */
  #reach(timeoutMs: number, plan: (members: Target[]) => Target[]): Promise<ListMembersResponse> {
    return eventually(
      "the change of membership is in force",
      async () => {
        const list = await this.listMembers();
        if (list.joint || !list.committed) return undefined;
        const members = list.members.map(({ id, kind }): Target => ({ id, kind }));
        const target = plan(members);
        if (sameMembers(members, target)) return list;
        const leader = await this.#leaderOf(list);
        await leader.membership.changeMembership(
          { expectedConfigurationIndex: list.configurationIndex, members: target },
          { timeoutMs: 10_000 },
        );
        return undefined;
      },
      { timeoutMs, intervalMs: 100 },
    );
  }

  async #leaderOf(list: ListMembersResponse): Promise<ReplicaProcess> {
    const record = list.members.find(({ id }) => id === list.header!.leaderId);
    const leader = this.running.find(({ clientUrl }) => clientUrl === record?.clientUrl);
    if (leader === undefined) throw new Error("the leader is not known");
    return leader;
  }

  async transferLeadership(target?: ReplicaProcess): Promise<void> {
    const leader = await this.leader();
    await leader.membership.transferLeadership({ targetId: (await target?.memberId()) ?? 0n });
  }

  /** A client of the cluster; closed with it. */
  client(options: Partial<ClientOptions> = {}): Client {
    const client = new Client({ endpoints: this.replicas.map(({ clientUrl }) => clientUrl), ...options });
    this.#clients.push(client);
    return client;
  }

  /**
   * Waits until the replicas have applied the same index, then compares their hashes of the whole history at
   * that revision. Resolves to the revision. There must be no writers.
   */
  async expectConverged(
    replicas: readonly ReplicaProcess[] = this.running,
    timeoutMs = 60_000,
  ): Promise<bigint> {
    await eventually(
      `${replicas.map(({ name }) => name).join(", ")} have applied the same index`,
      async () => {
        const statuses = await Promise.all(replicas.map((replica) => replica.status()));
        const furthest = highest(statuses.map(({ commitIndex }) => commitIndex));
        const behind = statuses.filter(({ appliedIndex }) => appliedIndex !== furthest);
        if (behind.length === 0) return true;
        throw new Error(behind.map((s) => `${s.name} is at ${s.appliedIndex} of ${furthest}`).join(", "));
      },
      { timeoutMs },
    );
    const hashes = await Promise.all(
      replicas.map((replica) => maintenanceAt(replica.clientUrl).hash({}, { timeoutMs: 30_000 })),
    );
    const [first] = hashes;
    for (const [at, { hash, revision, compactedRevision }] of hashes.entries()) {
      if (
        hash === first!.hash &&
        revision === first!.revision &&
        compactedRevision === first!.compactedRevision
      )
        continue;
      const name = replicas[at]!.name;
      throw new Error(
        `${name} differs: hash ${hash} at revision ${revision} (compacted ${compactedRevision}), ` +
          `${replicas[0]!.name}: ${first!.hash} at ${first!.revision} (compacted ${first!.compactedRevision})`,
      );
    }
    return first!.revision;
  }

  logTails(lines = 30): string {
    return this.replicas.map((replica) => replica.logTail(lines)).join("\n");
  }

  /** Kills what runs and removes every file. */
  async dispose(): Promise<void> {
    for (const client of this.#clients) client.close();
    await Promise.all([...this.replicas, ...this.#forgotten].map((replica) => replica.kill()));
    this.links?.close();
    removeScratch(this.directory);
  }
}

function highest(positions: readonly bigint[]): bigint {
  let found = 0n;
  for (const position of positions) if (position > found) found = position;
  return found;
}

function sameMembers(a: readonly Target[], b: readonly Target[]): boolean {
  const kinds = new Map(a.map(({ id, kind }) => [id, kind]));
  return a.length === b.length && b.every(({ id, kind }) => kinds.get(id) === kind);
}

/** The error of a call that must be refused, as Connect gives it. */
export async function refusal(call: Promise<unknown>): Promise<ConnectError> {
  try {
    await call;
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new ConnectError("the call was not refused", Code.Unknown);
}
