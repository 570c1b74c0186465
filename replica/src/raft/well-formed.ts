import { AssertionError } from "../assert.ts";
import { type AppendEntries, type MemberId, type Message, NO_MEMBER } from "./types.ts";

/**
 * Throws on a message that no correct member would send to `self`. The transport has proved who the sender
 * is and that it means this member; so this is a bug, not bad input.
 */
export function assertWellFormed(message: Message, self: MemberId): void {
  if (message.to !== self) fail(message, `is for member ${message.to.toString(16)}`);
  if (message.from === NO_MEMBER || message.from === self) fail(message, "has no other member as sender");
  if (message.term < 1n) fail(message, `has term ${message.term}`);
  switch (message.type) {
    case "PreVote":
    case "RequestVote":
      if (message.lastLogIndex < 0n) fail(message, "has a negative index");
      if (message.lastLogTerm >= message.term) fail(message, "has a log from its own term or later");
      break;
    case "AppendEntries":
      assertConsecutive(message);
      break;
    case "AppendEntriesResponse":
      if (message.index < 0n || message.hintIndex < 0n) fail(message, "has a negative index");
      break;
    case "InstallSnapshot": {
      const { index, term, configuration } = message.snapshot;
      if (index < 1n || term < 1n || term > message.term) fail(message, "has a snapshot of nowhere");
      if (configuration.index > index) fail(message, "has a configuration later than its snapshot");
      break;
    }
    default:
      break;
  }
}

function assertConsecutive(message: AppendEntries): void {
  let index = message.previousIndex;
  let term = message.previousTerm;
  if (index < 0n || message.commit < 0n) fail(message, "has a negative index");
  for (const entry of message.entries) {
    index++;
    if (entry.index !== index) fail(message, `has entry ${entry.index} where ${index} belongs`);
    if (entry.term < term) fail(message, `has terms that go back at entry ${index}`);
    term = entry.term;
  }
  if (term > message.term) fail(message, "has entries of a later term than its own");
}

function fail(message: Message, fault: string): never {
  throw new AssertionError(`${message.type} from ${message.from.toString(16)}: ${fault}`);
}
