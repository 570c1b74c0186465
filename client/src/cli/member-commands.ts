import { randomBytes } from "node:crypto";
import { type Command, Option } from "commander";
import { idText } from "../bytes.ts";
import type { Client } from "../client.ts";
import { askIdentity, changeConfiguration, leaderPeerUrl, replaceMembers } from "../membership-change.ts";
import { withMembershipClient } from "../membership-client.ts";
import { admissionOf, findMember, type Newcomer, withChange, withLearners } from "../membership-target.ts";
import type { Member, MemberList } from "../types.ts";
import { durationMsFrom, example } from "./arguments.ts";
import { type CliIo, CommandContext } from "./context.ts";
import { CliError, exitCodes } from "./exit-codes.ts";
import { table } from "./output.ts";

const waitDefaultMs = 300_000;

export function addMemberCommands(program: Command, io: CliIo): void {
  const member = program.command("member").description("list and change the members of the cluster");
  addList(member, io);
  addAdd(member, io);
  addRemove(member, io);
  addPromote(member, io);
  addSet(member, io);
  addMoveLeader(program, io);
  addBootstrap(program, io);
  addReset(program, io);
}

function memberJson(member: Member, list: MemberList): unknown {
  const { id, progress, ...rest } = member;
  return {
    id: idText(id),
    ...rest,
    leader: id === list.header.leaderId,
    progress: progress ?? null,
  };
}

function listJson(list: MemberList): unknown {
  return {
    clusterId: idText(list.header.clusterId),
    configurationIndex: list.configurationIndex,
    joint: list.joint,
    committed: list.committed,
    members: list.members.map((member) => memberJson(member, list)),
  };
}

function listTable(list: MemberList): string {
  const rows = list.members.map((member) => [
    idText(member.id),
    member.name,
    member.id === list.header.leaderId ? `${member.kind}, leader` : member.kind,
    member.peerUrl,
    member.clientUrl,
    progressText(member),
  ]);
  const lines = [table(["id", "name", "kind", "peer url", "client url", "log"], rows)];
  if (list.joint) lines.push("A change of membership is under way.");
  return lines.join("\n");
}

function progressText({ progress }: Member): string {
  if (progress === undefined) return "";
  return progress.active ? `${progress.state} at ${progress.matchIndex}` : "not heard from";
}

function printList(context: CommandContext, list: MemberList): void {
  context.print(listJson(list), () => listTable(list));
}

function addList(member: Command, io: CliIo): void {
  member
    .command("list")
    .description("the members as the majority knows them")
    .option("--serializable", "as the asked member knows them; also without a majority")
    .addHelpText("after", example("rstore member list"))
    .action(async (flags: { readonly serializable?: boolean }, command: Command) => {
      const context = new CommandContext(io, command);
      const consistency = flags.serializable === true ? "serializable" : "linearizable";
      printList(context, await context.withClient((client) => client.listMembers({ consistency })));
    });
}

interface AddFlags {
  readonly peerUrl: string;
  readonly clientUrl?: string;
  readonly name?: string;
  readonly learner?: boolean;
  readonly replace?: string;
  readonly wait: number;
}

function addAdd(member: Command, io: CliIo): void {
  member
    .command("add")
    .description("add a replica that runs with an empty disk: first as learner, then, caught up, as voter")
    .requiredOption("--peer-url <url>", "where members reach the new replica")
    .option("--client-url <url>", "where clients reach it; its own word by default")
    .option("--name <name>", "its own word by default")
    .addOption(
      new Option("--replace <member>", "take this one out by the change that makes the newcomer a voter"),
    )
    .addOption(new Option("--learner", "leave it a learner, without a vote").conflicts("replace"))
    .option("--wait <duration>", "how long it may take to catch up", durationMsFrom, waitDefaultMs)
    .addHelpText(
      "after",
      example(
        "rstore member add --peer-url http://d.example:4101",
        "rstore member add --peer-url http://d.example:4101 --replace c",
      ),
    )
    .action(async (flags: AddFlags, command: Command) => {
      const context = new CommandContext(io, command);
      await context.withClient(async (client) => {
        const remove = new Set<bigint>();
        if (flags.replace !== undefined) {
          remove.add(memberFrom(await client.listMembers(), flags.replace).id);
        }
        const newcomer = await newcomerAt(flags, client, context);
        const options = { timeoutMs: flags.wait, onProgress: (line: string) => context.progress(line) };
        if (flags.learner === true) {
          context.progress(`adding ${newcomer.name} as learner`);
          printList(
            context,
            await changeConfiguration(client, (list) => withLearners(list, [newcomer]), options),
          );
        } else {
          printList(context, await replaceMembers(client, { add: [newcomer], remove }, options));
        }
      });
    });
}

/** The replica at a peer URL, which must be blank or a member already. */
async function newcomerAt(
  flags: Pick<AddFlags, "peerUrl" | "clientUrl" | "name">,
  client: Client,
  context: CommandContext,
): Promise<Newcomer> {
  const { peerUrl } = flags;
  const identity = await askIdentity(peerUrl, context.options.timeout);
  const admission = admissionOf(identity, await client.listMembers());
  if (admission.type === "refused") {
    throw new CliError(exitCodes.notApplied, `${peerUrl} can't be added: ${admission.message}`);
  }
  if (admission.type === "present") {
    const { id, name, clientUrl } = admission.member;
    context.progress(`${name} (${idText(id)}) is a ${admission.member.kind} already`);
    return { id, name, peerUrl: admission.member.peerUrl, clientUrl };
  }
  return {
    id: identity.memberId,
    name: flags.name ?? identity.name,
    peerUrl,
    clientUrl: flags.clientUrl ?? identity.clientUrl,
  };
}

function memberFrom(list: MemberList, text: string): Member {
  const member = findMember(list, text);
  if (member !== undefined) return member;
  const known = list.members.map(({ id, name }) => `${idText(id)} (${name})`).join(", ");
  throw new CliError(exitCodes.usage, `"${text}" is not one member; there are ${known}`);
}

function addRemove(member: Command, io: CliIo): void {
  member
    .command("remove")
    .description("remove members by id, name or URL, several by one joint change")
    .argument("<member...>")
    .option("--wait <duration>", "how long it may take", durationMsFrom, 60_000)
    .addHelpText("after", example("rstore member remove 5f0c2a9be1d47730"))
    .action(async (texts: string[], flags: { readonly wait: number }, command: Command) => {
      const context = new CommandContext(io, command);
      await context.withClient(async (client) => {
        const present = await client.listMembers();
        const remove = new Set(texts.map((text) => memberFrom(present, text).id));
        const list = await changeConfiguration(client, (now) => withChange(now, { remove }), {
          timeoutMs: flags.wait,
        });
        printList(context, list);
      });
    });
}

function addPromote(member: Command, io: CliIo): void {
  member
    .command("promote")
    .description("make learners that have caught up voters, several by one joint change")
    .argument("<member...>")
    .option("--wait <duration>", "how long it may take to catch up", durationMsFrom, 60_000)
    .addHelpText("after", example("rstore member promote d"))
    .action(async (texts: string[], flags: { readonly wait: number }, command: Command) => {
      const context = new CommandContext(io, command);
      await context.withClient(async (client) => {
        const present = await client.listMembers();
        const promote = new Set(texts.map((text) => memberFrom(present, text).id));
        const list = await changeConfiguration(client, (now) => withChange(now, { promote }), {
          timeoutMs: flags.wait,
        });
        printList(context, list);
      });
    });
}

function addSet(member: Command, io: CliIo): void {
  member
    .command("set")
    .description("bring the cluster to exactly these voters: members by id or name, new replicas by peer URL")
    .argument("<member...>", "everyone who is not named is removed")
    .option("--wait <duration>", "how long newcomers may take to catch up", durationMsFrom, waitDefaultMs)
    .addHelpText("after", example("rstore member set a b http://d.example:4101 http://e.example:4101"))
    .action(async (texts: string[], flags: { readonly wait: number }, command: Command) => {
      const context = new CommandContext(io, command);
      await context.withClient(async (client) => {
        const present = await client.listMembers();
        const keep = new Set<bigint>();
        const add: Newcomer[] = [];
        for (const text of texts) {
          // At a known URL another replica may run by now, with an empty disk.
          const isUrl = /^https?:\/\//.test(text);
          const named = isUrl ? undefined : memberFrom(present, text);
          if (named?.kind === "voter") keep.add(named.id);
          else add.push(named ?? (await newcomerAt({ peerUrl: text }, client, context)));
        }
        for (const { id } of add) keep.add(id);
        const remove = new Set(present.members.map(({ id }) => id).filter((id) => !keep.has(id)));
        const options = { timeoutMs: flags.wait, onProgress: (line: string) => context.progress(line) };
        printList(context, await replaceMembers(client, { add, remove }, options));
      });
    });
}

function addMoveLeader(program: Command, io: CliIo): void {
  program
    .command("move-leader")
    .description("hand leadership to a voter; to the one with the most complete log when none is named")
    .argument("[member]", "id, name or URL")
    .addHelpText("after", example("rstore move-leader b"))
    .action(async (text: string | undefined, _flags, command: Command) => {
      const context = new CommandContext(io, command);
      const moved = await context.withClient(async (client) => {
        const list = await client.listMembers();
        const target = text === undefined ? 0n : memberFrom(list, text).id;
        if (target === list.header.leaderId) return { leaderId: target, term: list.header.term };
        const peerUrl = await leaderPeerUrl(client);
        return withMembershipClient(peerUrl, (leader) =>
          leader.transferLeadership(target, { timeoutMs: context.options.timeout }),
        );
      });
      context.print(
        { leaderId: idText(moved.leaderId), term: moved.term },
        () => `${idText(moved.leaderId)} leads in term ${moved.term}`,
      );
    });
}

/** Random and never 0. */
function drawClusterId(): bigint {
  return randomBytes(8).readBigUInt64BE() || 1n;
}

function addBootstrap(program: Command, io: CliIo): void {
  program
    .command("bootstrap")
    .description("found a new cluster on one replica with an empty disk; done once in a cluster's life")
    .requiredOption("--peer-url <url>", "the replica's peer port")
    .addHelpText("after", example("rstore bootstrap --peer-url http://a.example:4101"))
    .action(async (flags: { readonly peerUrl: string }, command: Command) => {
      const context = new CommandContext(io, command);
      const { timeout: timeoutMs } = context.options;
      const founded = await withMembershipClient(
        flags.peerUrl,
        async (replica) => {
          const { clusterId: present, memberId } = await replica.identity({ timeoutMs });
          if (present !== 0n) {
            const message = `${flags.peerUrl} belongs to cluster ${idText(present)} already: nothing was done`;
            throw new CliError(exitCodes.notApplied, message);
          }
          const clusterId = drawClusterId();
          await replica.bootstrap(clusterId, memberId, { timeoutMs });
          return { clusterId: idText(clusterId), memberId: idText(memberId) };
        },
        { timeoutMs },
      );
      context.print(founded, () => `founded cluster ${founded.clusterId} on member ${founded.memberId}`);
    });
}

interface ResetFlags {
  readonly peerUrl: string;
}

function addReset(program: Command, io: CliIo): void {
  program
    .command("reset")
    .description("set the data of a removed member aside, so that it can be added again under a new id")
    .requiredOption("--peer-url <url>", "the removed replica's peer port")
    .addHelpText("after", example("rstore reset --peer-url http://c.example:4101"))
    .action(async (flags: ResetFlags, command: Command) => {
      const context = new CommandContext(io, command);
      const { timeout: timeoutMs } = context.options;
      const identity = await askIdentity(flags.peerUrl, timeoutMs);
      if (identity.clusterId === 0n) {
        throw new CliError(exitCodes.notApplied, `${flags.peerUrl} is blank already: nothing was done`);
      }
      const removedIndex = identity.removed
        ? identity.removedIndex
        : await removalIndex(context, identity.clusterId, identity.memberId);
      const memberId = await withMembershipClient(flags.peerUrl, (replica) =>
        replica.reset(identity.clusterId, identity.memberId, removedIndex, { timeoutMs }),
      );
      context.print(
        { memberId: idText(memberId), removedMemberId: idText(identity.memberId) },
        () => `its data was set aside; it is blank now, with id ${idText(memberId)}`,
      );
    });
}

/** For a member that does not know that it was removed: a committed configuration without it. */
async function removalIndex(context: CommandContext, clusterId: bigint, memberId: bigint): Promise<bigint> {
  const list = await context.withClient((client) => client.listMembers());
  if (list.header.clusterId !== clusterId) {
    const message =
      "it belongs to another cluster than the endpoints: data of another cluster is never reset";
    throw new CliError(exitCodes.notApplied, message);
  }
  if (list.members.some(({ id }) => id === memberId) || list.joint || !list.committed) {
    const message = `it is a member of the cluster: remove it first with "rstore member remove ${idText(memberId)}"`;
    throw new CliError(exitCodes.notApplied, message);
  }
  return list.configurationIndex;
}
