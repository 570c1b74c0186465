import { decodeConfiguration } from "./confchange/codec.ts";
import { isJoint } from "./confchange/configuration.ts";
import type { MemberStatus, Status } from "./status.ts";
import {
  type Configuration,
  type Entry,
  type HardState,
  type IndexedConfiguration,
  type MemberId,
  type Message,
  NO_MEMBER,
  type Ready,
  type SnapshotMetadata,
} from "./types.ts";

/** Most characters of an entry's data that are shown. */
const DATA_MAX_CHARACTERS = 32;

/**
 * The one way in which the core's data is printed, in logs and in transcripts. Positions are term/index, ids
 * hexadecimal.
 */
export function describeMember(id: MemberId): string {
  return id === NO_MEMBER ? "none" : id.toString(16);
}

function describeMembers(ids: readonly MemberId[]): string {
  return `(${ids.map(describeMember).join(" ")})`;
}

export function describeConfiguration(configuration: Configuration): string {
  const { voters, outgoing, learners, learnersNext } = configuration;
  let text = describeMembers(voters);
  if (isJoint(configuration)) text += `&&${describeMembers(outgoing)}`;
  if (learners.length > 0) text += ` learners=${describeMembers(learners)}`;
  if (learnersNext.length > 0) text += ` learnersNext=${describeMembers(learnersNext)}`;
  return text;
}

export function describeIndexedConfiguration({ index, configuration }: IndexedConfiguration): string {
  return `${describeConfiguration(configuration)}@${index}`;
}

export function describeEntry(entry: Entry): string {
  const position = `${entry.term}/${entry.index}`;
  if (entry.type === "configuration") {
    return `${position} ${describeConfiguration(decodeConfiguration(entry.data))}`;
  }
  return `${position} ${describeData(entry.data)}`;
}

function describeData(data: Uint8Array): string {
  const text = String.fromCharCode(...data.subarray(0, DATA_MAX_CHARACTERS));
  if (!/^[ -~]*$/.test(text)) return `<${data.length} bytes>`;
  return data.length > DATA_MAX_CHARACTERS ? `"${text}"… (${data.length} bytes)` : `"${text}"`;
}

function describeEntries(entries: readonly Entry[]): string {
  return `[${entries.map(describeEntry).join(", ")}]`;
}

export function describeHardState({ term, vote, commit }: HardState): string {
  return `term=${term} vote=${describeMember(vote)} commit=${commit}`;
}

export function describeSnapshot({ index, term, configuration }: SnapshotMetadata): string {
  return `${term}/${index} ${describeIndexedConfiguration(configuration)}`;
}

export function describeMessage(message: Message): string {
  const { from, to, type, term } = message;
  const head = `${describeMember(from)}->${describeMember(to)} ${type} term=${term}`;
  const body = describeBody(message);
  return body === "" ? head : `${head} ${body}`;
}

function describeBody(message: Message): string {
  switch (message.type) {
    case "PreVote":
    case "RequestVote":
      return `last=${message.lastLogTerm}/${message.lastLogIndex}${message.transfer ? " transfer" : ""}`;
    case "PreVoteResponse":
    case "RequestVoteResponse":
      return message.granted ? "granted" : "refused";
    case "AppendEntries": {
      const { previousTerm, previousIndex, commit, entries } = message;
      return `previous=${previousTerm}/${previousIndex} commit=${commit} ${describeEntries(entries)}`;
    }
    case "AppendEntriesResponse": {
      const { index, rejected, hintTerm, hintIndex } = message;
      return rejected ? `rejected index=${index} hint=${hintTerm}/${hintIndex}` : `index=${index}`;
    }
    case "Heartbeat":
      return `commit=${message.commit}${describeSequence(message.readSequence)}`;
    case "HeartbeatResponse":
      return describeSequence(message.readSequence).trimStart();
    case "InstallSnapshot":
      return describeSnapshot(message.snapshot);
    case "TimeoutNow":
      return "";
    case "ReadIndexRequest":
      return `request=${message.requestId}`;
    case "ReadIndexResponse":
      return `request=${message.requestId} ${message.rejected ? "rejected" : `index=${message.index}`}`;
  }
}

function describeSequence(sequence: bigint): string {
  return sequence === 0n ? "" : ` read=${sequence}`;
}

/** One line for each thing to do, in the order in which it may be done; "nothing" for an empty Ready. */
export function describeReady(ready: Ready): string {
  const lines: string[] = [];
  const { softState, hardState, snapshot, entries, appendToken, committedEntries } = ready;
  if (softState !== undefined) {
    lines.push(`state: ${softState.role} leader=${describeMember(softState.leader)}`);
  }
  for (const message of ready.messages) lines.push(`send: ${describeMessage(message)}`);
  if (appendToken !== undefined) lines.push(`write: token=${appendToken}`);
  if (hardState !== undefined) lines.push(`  hard state: ${describeHardState(hardState)}`);
  if (snapshot !== undefined) lines.push(`  snapshot: ${describeSnapshot(snapshot)}`);
  for (const entry of entries) lines.push(`  entry: ${describeEntry(entry)}`);
  for (const message of ready.messagesAfterAppend) lines.push(`  then send: ${describeMessage(message)}`);
  for (const entry of committedEntries) lines.push(`apply: ${describeEntry(entry)}`);
  for (const { requestId, index } of ready.readStates) lines.push(`read: ${requestId} at ${index}`);
  for (const { requestId, reason } of ready.readFailures) lines.push(`read: ${requestId} failed, ${reason}`);
  return lines.length === 0 ? "nothing" : lines.join("\n");
}

/** One line for the member, and on a leader one for each other. */
export function describeStatus(status: Status): string {
  const { id, role, term, vote, leader, commit, applied, firstIndex, lastIndex, durableIndex } = status;
  const names = `term=${term} vote=${describeMember(vote)} leader=${describeMember(leader)}`;
  const log = `log=[${firstIndex}..${lastIndex}] durable=${durableIndex} commit=${commit} applied=${applied}`;
  const committed = status.configurationCommitted ? "" : " uncommitted";
  const configuration = `configuration=${describeIndexedConfiguration(status.configuration)}${committed}`;
  const transfer =
    status.transferTarget === undefined ? "" : ` transfer=${describeMember(status.transferTarget)}`;
  const lines = [`${describeMember(id)}: ${role} ${names} ${log} ${configuration}${transfer}`];
  for (const member of status.members) {
    if (member.id !== id) lines.push(`  ${describeProgress(member)}`);
  }
  for (const leaver of status.leavers) {
    lines.push(`  left@${leaver.configurationIndex} ${describeProgress(leaver)}`);
  }
  return lines.join("\n");
}

export function describeProgress(member: MemberStatus): string {
  const { id, state, match, next } = member;
  let text = `${describeMember(id)}: ${state} match=${match} next=${next}`;
  if (member.pendingSnapshotIndex > 0n) text += ` snapshot=${member.pendingSnapshotIndex}`;
  if (member.paused) text += " paused";
  if (!member.recentActive) text += " inactive";
  if (member.inflightMessages > 0) text += ` inflight=${member.inflightMessages}`;
  return text;
}
