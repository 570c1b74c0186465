import packageJson from "../package.json" with { type: "json" };

/** Of this operator, and of the replicas that it starts by default. */
export const version: string = packageJson.version;
