export { bytesFrom, idFromText, idText, textFrom, textFromUtf8 } from "./bytes.ts";
export { Client, type ClientOptions } from "./client.ts";
export { type ErrorFacts, type Outcome, type Reason, RstoreError, reasons } from "./errors.ts";
export type * from "./tracing/types.ts";
export type * from "./types.ts";
