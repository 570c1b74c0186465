import type { Raft } from "./raft.ts";
import type { Message } from "./types.ts";

type Handler<T extends Message["type"]> = (raft: Raft, message: Extract<Message, { type: T }>) => void;

/** What a role does with each type of message; all of them, so that none is forgotten. */
export type StepTable = { readonly [T in Message["type"]]: Handler<T> };

export function ignore(): void {}

/** A message that passed the term gate goes to its handler. */
export function dispatch(table: StepTable, raft: Raft, message: Message): void {
  // The table's type ties each handler to its message; TypeScript cannot follow that through an index.
  (table[message.type] as Handler<Message["type"]>)(raft, message as never);
}
