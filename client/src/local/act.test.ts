import { afterEach, beforeEach, expect, test } from "vitest";
import { Client } from "../client.ts";
import { type ActContext, act } from "./act.ts";
import type { ClusterFile } from "./cluster-file.ts";
import { settleSettings } from "./settings.ts";

let file: ClusterFile;
let context: ActContext;
let client: Client;

beforeEach(() => {
  file = settleSettings(undefined, {});
  client = new Client({ endpoints: ["http://127.0.0.1:1"], timeoutMs: 50, discover: false });
  context = {
    client,
    file: () => file,
    save: (change) => {
      file = { ...file, ...change };
    },
    retire: async () => {},
  };
});
afterEach(() => client.close());

test("the founding member is latched once, with a random cluster id (E2)", async () => {
  await act({ type: "latch-bootstrap", memberId: 1n, reason: "" }, context);
  const latched = file.bootstrap;
  expect(latched?.memberId).toBe(1n);
  expect(latched?.clusterId).not.toBe(0n);
  await act({ type: "latch-bootstrap", memberId: 2n, reason: "" }, context);
  expect(file.bootstrap).toBe(latched);
});

test("a call that fails is reported, to be planned anew", async () => {
  const step = { type: "change-membership", expectedConfigurationIndex: 1n, target: [], reason: "" } as const;
  expect(await act(step, context)).toContain("can't connect");
});
