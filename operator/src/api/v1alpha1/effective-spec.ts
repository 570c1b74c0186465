import type { z } from "zod";
import type { specSchema } from "./spec-schema.ts";

/** `spec` with every default in its place. */
export type EffectiveSpec = z.output<typeof specSchema>;
