import {
  type RaftMessage,
  type AppendEntries as WireAppendEntries,
  type Entry as WireEntry,
  EntryType as WireEntryType,
  type SnapshotMetadata as WireSnapshotMetadata,
  type SnapshotOffer as WireSnapshotOffer,
  type SnapshotRequest as WireSnapshotRequest,
} from "@rstore/proto/rstore/peer/v1/message";
import type { AppendEntries, Entry, Message, SnapshotMetadata } from "../raft/types.ts";
import { PeerError } from "./peer-error.ts";
import type { SnapshotOffer, SnapshotRequest } from "./types.ts";

/**
 * The core's messages as protobuf and back. Wire messages are object literals rather than `create(…)`: the
 * compiler then demands every field, and it costs less. Entry data stays outside (see frame-codec.ts): it is
 * appended to `entryData` when encoding and taken from there, in the same order, when decoding.
 */
export function encodeMessage(message: Message, entryData: Uint8Array[]): RaftMessage {
  return {
    $typeName: "rstore.peer.v1.RaftMessage",
    from: message.from,
    to: message.to,
    term: message.term,
    body: encodeBody(message, entryData),
  };
}

function encodeBody(message: Message, entryData: Uint8Array[]): RaftMessage["body"] {
  switch (message.type) {
    case "PreVote": {
      const { lastLogIndex, lastLogTerm, transfer } = message;
      const value = { $typeName: "rstore.peer.v1.PreVote", lastLogIndex, lastLogTerm, transfer } as const;
      return { case: "preVote", value };
    }
    case "PreVoteResponse": {
      const { granted } = message;
      return { case: "preVoteResult", value: { $typeName: "rstore.peer.v1.PreVoteResult", granted } };
    }
    case "RequestVote": {
      const { lastLogIndex, lastLogTerm, transfer } = message;
      const value = { $typeName: "rstore.peer.v1.RequestVote", lastLogIndex, lastLogTerm, transfer } as const;
      return { case: "requestVote", value };
    }
    case "RequestVoteResponse": {
      const { granted } = message;
      return { case: "requestVoteResult", value: { $typeName: "rstore.peer.v1.RequestVoteResult", granted } };
    }
    case "AppendEntries":
      return { case: "appendEntries", value: encodeAppendEntries(message, entryData) };
    case "AppendEntriesResponse": {
      const { index, rejected, hintIndex, hintTerm } = message;
      const $typeName = "rstore.peer.v1.AppendEntriesResult";
      return { case: "appendEntriesResult", value: { $typeName, index, rejected, hintIndex, hintTerm } };
    }
    case "Heartbeat": {
      const { commit, readSequence } = message;
      return { case: "heartbeat", value: { $typeName: "rstore.peer.v1.Heartbeat", commit, readSequence } };
    }
    case "HeartbeatResponse": {
      const { readSequence } = message;
      return {
        case: "heartbeatResult",
        value: { $typeName: "rstore.peer.v1.HeartbeatResult", readSequence },
      };
    }
    case "InstallSnapshot": {
      const snapshot = encodeSnapshotMetadata(message.snapshot);
      return { case: "installSnapshot", value: { $typeName: "rstore.peer.v1.InstallSnapshot", snapshot } };
    }
    case "TimeoutNow":
      return { case: "timeoutNow", value: { $typeName: "rstore.peer.v1.TimeoutNow" } };
    case "ReadIndexRequest": {
      const { requestId } = message;
      return { case: "readIndex", value: { $typeName: "rstore.peer.v1.ReadIndex", requestId } };
    }
    case "ReadIndexResponse": {
      const { requestId, index, rejected } = message;
      const $typeName = "rstore.peer.v1.ReadIndexResult";
      return { case: "readIndexResult", value: { $typeName, requestId, index, rejected } };
    }
    default:
      return message satisfies never;
  }
}

function encodeAppendEntries(message: AppendEntries, entryData: Uint8Array[]): WireAppendEntries {
  const entries = message.entries.map(({ term, index, type, data }): WireEntry => {
    if (data.length > 0) entryData.push(data);
    return {
      $typeName: "rstore.peer.v1.Entry",
      term,
      index,
      type: type === "normal" ? WireEntryType.NORMAL : WireEntryType.CONFIGURATION,
      dataBytes: data.length,
    };
  });
  return {
    $typeName: "rstore.peer.v1.AppendEntries",
    previousIndex: message.previousIndex,
    previousTerm: message.previousTerm,
    entries,
    commit: message.commit,
  };
}

function encodeSnapshotMetadata(snapshot: SnapshotMetadata): WireSnapshotMetadata {
  const { voters, outgoing, learners, learnersNext, context } = snapshot.configuration.configuration;
  return {
    $typeName: "rstore.peer.v1.SnapshotMetadata",
    index: snapshot.index,
    term: snapshot.term,
    configurationIndex: snapshot.configuration.index,
    configuration: {
      $typeName: "rstore.peer.v1.Configuration",
      voters: [...voters],
      outgoing: [...outgoing],
      learners: [...learners],
      learnersNext: [...learnersNext],
      context,
    },
  };
}

export function encodeSnapshotRequest(request: SnapshotRequest): WireSnapshotRequest {
  return { $typeName: "rstore.peer.v1.SnapshotRequest", ...request };
}

export function decodeSnapshotRequest({ from, to, minIndex }: WireSnapshotRequest): SnapshotRequest {
  return { from, to, minIndex };
}

export function encodeSnapshotOffer(offer: SnapshotOffer): WireSnapshotOffer {
  return {
    $typeName: "rstore.peer.v1.SnapshotOffer",
    from: offer.from,
    to: offer.to,
    term: offer.term,
    snapshot: encodeSnapshotMetadata(offer.snapshot),
    snapshotId: offer.snapshotId,
    sizeBytes: BigInt(offer.sizeBytes),
    checksum: offer.checksum,
  };
}

/** Hands out the data of a frame's entries in order, and tells whether the sizes fit. */
export class EntryDataCursor {
  readonly #data: readonly Uint8Array[];
  #next = 0;

  constructor(data: readonly Uint8Array[]) {
    this.#data = data;
  }

  take(sizeBytes: number): Uint8Array {
    const data = this.#data[this.#next++];
    if (data === undefined || data.length !== sizeBytes) {
      throw new PeerError(
        "malformed",
        `entry data of ${data?.length ?? "no"} bytes where ${sizeBytes} are expected`,
      );
    }
    return data;
  }

  assertEnd(): void {
    if (this.#next !== this.#data.length)
      throw new PeerError("malformed", "entry data that belongs to no entry");
  }
}

const noData = new Uint8Array(0);

/** Throws PeerError "malformed" for what no member of this version sends; never anything else. */
export function decodeMessage(message: RaftMessage, entryData: EntryDataCursor): Message {
  const { from, to, term, body } = message;
  switch (body.case) {
    case "preVote": {
      const { lastLogIndex, lastLogTerm, transfer } = body.value;
      return { type: "PreVote", from, to, term, lastLogIndex, lastLogTerm, transfer };
    }
    case "preVoteResult":
      return { type: "PreVoteResponse", from, to, term, granted: body.value.granted };
    case "requestVote": {
      const { lastLogIndex, lastLogTerm, transfer } = body.value;
      return { type: "RequestVote", from, to, term, lastLogIndex, lastLogTerm, transfer };
    }
    case "requestVoteResult":
      return { type: "RequestVoteResponse", from, to, term, granted: body.value.granted };
    case "appendEntries": {
      const { previousIndex, previousTerm, commit } = body.value;
      const entries = decodeEntries(body.value, entryData);
      return { type: "AppendEntries", from, to, term, previousIndex, previousTerm, entries, commit };
    }
    case "appendEntriesResult": {
      const { index, rejected, hintIndex, hintTerm } = body.value;
      return { type: "AppendEntriesResponse", from, to, term, index, rejected, hintIndex, hintTerm };
    }
    case "heartbeat": {
      const { commit, readSequence } = body.value;
      return { type: "Heartbeat", from, to, term, commit, readSequence };
    }
    case "heartbeatResult":
      return { type: "HeartbeatResponse", from, to, term, readSequence: body.value.readSequence };
    case "installSnapshot": {
      const snapshot = decodeSnapshotMetadata(body.value.snapshot);
      return { type: "InstallSnapshot", from, to, term, snapshot };
    }
    case "timeoutNow":
      return { type: "TimeoutNow", from, to, term };
    case "readIndex":
      return { type: "ReadIndexRequest", from, to, term, requestId: body.value.requestId };
    case "readIndexResult": {
      const { requestId, index, rejected } = body.value;
      return { type: "ReadIndexResponse", from, to, term, requestId, index, rejected };
    }
    case undefined:
      throw new PeerError("malformed", "a message of a type that this member does not know");
    default:
      return body satisfies never;
  }
}

/** The core relies on consecutive indices, so a gap is refused here and not found there. */
function decodeEntries(append: WireAppendEntries, entryData: EntryDataCursor): Entry[] {
  let index = append.previousIndex;
  return append.entries.map((entry) => {
    index += 1n;
    if (entry.index !== index)
      throw new PeerError("malformed", `entry ${entry.index} where ${index} is expected`);
    const data = entry.dataBytes === 0 ? noData : entryData.take(entry.dataBytes);
    return { term: entry.term, index, type: decodeEntryType(entry.type), data };
  });
}

function decodeEntryType(type: WireEntryType): Entry["type"] {
  switch (type) {
    case WireEntryType.NORMAL:
      return "normal";
    case WireEntryType.CONFIGURATION:
      return "configuration";
    default:
      throw new PeerError("malformed", `an entry of the unknown type ${type}`);
  }
}

function decodeSnapshotMetadata(snapshot: WireSnapshotMetadata | undefined): SnapshotMetadata {
  if (snapshot?.configuration === undefined)
    throw new PeerError("malformed", "a snapshot without its configuration");
  const { voters, outgoing, learners, learnersNext, context } = snapshot.configuration;
  return {
    index: snapshot.index,
    term: snapshot.term,
    configuration: {
      index: snapshot.configurationIndex,
      configuration: { voters, outgoing, learners, learnersNext, context },
    },
  };
}

export function decodeSnapshotOffer(offer: WireSnapshotOffer): SnapshotOffer {
  const { from, to, term, snapshotId, checksum } = offer;
  const sizeBytes = Number(offer.sizeBytes);
  if (!Number.isSafeInteger(sizeBytes))
    throw new PeerError("malformed", `a snapshot of ${offer.sizeBytes} bytes`);
  return {
    from,
    to,
    term,
    snapshot: decodeSnapshotMetadata(offer.snapshot),
    snapshotId,
    sizeBytes,
    checksum,
  };
}
