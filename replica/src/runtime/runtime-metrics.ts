import { runtimeCounted } from "../metrics/definitions.ts";
import { createInstruments, type Instruments } from "../metrics/instruments.ts";

/** What a member counts as it happens; by the names of metrics/definitions.ts. */
export type RuntimeMetrics = Instruments<typeof runtimeCounted>;

/** For whom nobody asks: counts, and nobody reads it. */
export const noMetrics: RuntimeMetrics = createInstruments(runtimeCounted);
