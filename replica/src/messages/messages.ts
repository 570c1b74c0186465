import type { FieldValue } from "./message.ts";
import { peerMessages } from "./peer-messages.ts";
import { processMessages } from "./process-messages.ts";
import { raftMessages } from "./raft-messages.ts";
import { requestMessages } from "./request-messages.ts";
import { storageMessages } from "./storage-messages.ts";
import { traceMessages } from "./trace-messages.ts";

/** Everything that a replica logs. Ids are stable: people search and alert by them. */
export const messages = {
  ...processMessages,
  ...raftMessages,
  ...storageMessages,
  ...peerMessages,
  ...requestMessages,
  ...traceMessages,
};

export type MessageId = keyof typeof messages;

/** The fields of a message as a call site gives them. */
export type FieldsOf<Id extends MessageId> = {
  readonly [Name in keyof (typeof messages)[Id]["fields"]]: Name extends "err" ? unknown : FieldValue;
};
