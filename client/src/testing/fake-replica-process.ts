import { rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { MemberKind } from "@rstore/proto/rstore/v1/cluster";
import { Outcome, Reason } from "@rstore/proto/rstore/v1/kv";
import { diskId, readConfiguration, writeConfiguration } from "./fake-cluster-file.ts";
import { type FakeHooks, FakeReplica, wireError } from "./fake-replica.ts";
import { FakeStore } from "./fake-store.ts";

/**
 * A replica process that takes the flags of the real one and keeps the promises that a local cluster relies
 * on: identity on disk, one founding, changes by compare-and-set, an end by SIGTERM or a closed input.
 */
const { values: flags } = parseArgs({
  strict: false,
  options: Object.fromEntries(
    ["data-dir", "name", "client-listen", "peer-listen", "client-advertise", "peer-advertise"].map((name) => [
      name,
      { type: "string" },
    ]),
  ),
});
const flag = (name: string): string => String(flags[name]);
const dataDir = flag("data-dir");
let id = diskId(dataDir);

const membership: NonNullable<FakeHooks["membership"]> = {
  getIdentity: () => {
    const configuration = readConfiguration(dataDir);
    const member = configuration?.members.some((one) => one.id === id.toString()) ?? false;
    return {
      memberId: id,
      clusterId: member ? BigInt(configuration!.clusterId) : 0n,
      name: flag("name"),
      peerUrl: flag("peer-advertise"),
      clientUrl: flag("client-advertise"),
    };
  },
  bootstrap: ({ clusterId, memberId }) => {
    const present = readConfiguration(dataDir);
    if (memberId !== id) throw wireError(Reason.WRONG_MEMBER, Outcome.NOT_APPLIED);
    if (present !== undefined && present.clusterId !== clusterId.toString()) {
      throw wireError(Reason.ALREADY_INITIALIZED, Outcome.NOT_APPLIED);
    }
    const self = { id: id.toString(), name: flag("name"), kind: MemberKind.VOTER };
    const urls = { peerUrl: flag("peer-advertise"), clientUrl: flag("client-advertise") };
    writeConfiguration(dataDir, {
      clusterId: clusterId.toString(),
      index: 1,
      members: [{ ...self, ...urls }],
    });
    console.log(`bootstrapped ${clusterId}`);
    return {};
  },
  changeMembership: ({ expectedConfigurationIndex, members }) => {
    const present = readConfiguration(dataDir)!;
    if (BigInt(present.index) !== expectedConfigurationIndex) {
      throw wireError(Reason.CONFIGURATION_MISMATCH, Outcome.NOT_APPLIED, { index: BigInt(present.index) });
    }
    const next = {
      ...present,
      index: present.index + 1,
      members: members.map((member) => ({
        id: member.id.toString(),
        name: member.name,
        peerUrl: member.peerUrl,
        clientUrl: member.clientUrl,
        kind: member.kind,
      })),
    };
    writeConfiguration(dataDir, next);
    const shape = next.members.map(({ name, kind }) => `${name}:${kind}`).toSorted();
    console.log(`changed to ${shape.join(" ")}`);
    return { configurationIndex: BigInt(next.index) };
  },
  reset: () => {
    rmSync(join(dataDir, "identity"));
    id = diskId(dataDir);
    return { memberId: id };
  },
};

const replica = new FakeReplica(new FakeStore(), {
  maintenance: { status: () => ({ header: header(), commitIndex: 1n }) },
  cluster: {
    listMembers: () => {
      const configuration = readConfiguration(dataDir);
      if (configuration === undefined) throw wireError(Reason.NOT_INITIALIZED, Outcome.NOT_APPLIED);
      const members = configuration.members.map((member) => ({ ...member, id: BigInt(member.id) }));
      return {
        header: header(),
        members,
        configurationIndex: BigInt(configuration.index),
        committed: true,
        progress: members.map((member) => ({
          memberId: member.id,
          matchIndex: 1n,
          active: true,
          state: "replicate",
        })),
      };
    },
  },
});

/** The first member leads; nobody elects here. */
function header() {
  const configuration = readConfiguration(dataDir);
  const leader = configuration?.members[0];
  return {
    clusterId: BigInt(configuration?.clusterId ?? 0),
    memberId: id,
    leaderId: BigInt(leader?.id ?? 0),
    term: 1n,
    leaderClientUrl: leader?.clientUrl ?? "",
  };
}

const peer = new FakeReplica(replica.store, { membership });
await replica.start(Number(flag("client-listen").split(":")[1]));
await peer.start(Number(flag("peer-listen").split(":")[1]));
console.log(`serving as ${id}, pid ${process.pid}`);

process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
process.on("SIGTERM", () => {
  console.log("ending");
  process.exit(0);
});
