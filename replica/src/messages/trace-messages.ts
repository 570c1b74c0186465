import { defineMessages, HALF_A_MINUTE_MS, NOTHING_TO_DO } from "./message.ts";

/** Traces, where --trace-endpoint is set. */
export const traceMessages = defineMessages({
  "trace.on": {
    level: "info",
    text: "sends traces to {endpoint}",
    fields: { endpoint: "of the collector", sampleRatio: "--trace-sample-ratio" },
    meaning: "Traces are on.",
    action: NOTHING_TO_DO,
  },
  "trace.export.failed": {
    level: "warn",
    text: "{spans} spans could not be sent: {reason}",
    fields: { spans: "that are lost", reason: "what the collector or the network said" },
    repeats: { everyMs: HALF_A_MINUTE_MS, by: [] },
    meaning:
      "The collector did not take them. Nothing else is affected; what waits is bounded, the rest is lost.",
    action: "Look at the collector and at --trace-endpoint, or turn traces off.",
  },
});
