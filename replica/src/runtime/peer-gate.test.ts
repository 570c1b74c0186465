import { describe, expect, test } from "vitest";
import type { PeerHello } from "../transport/types.ts";
import { limits } from "./limits.ts";
import { type GateState, PEER_PROTOCOL_VERSION, PeerGate } from "./peer-gate.ts";

const hello: PeerHello = {
  clusterId: 9n,
  from: 2n,
  to: 1n,
  incarnation: 3n,
  durableTerm: 5n,
  durableLastIndex: 50n,
  protocolVersion: PEER_PROTOCOL_VERSION,
  peerUrl: "http://127.0.0.1:1",
};

const state: GateState = {
  memberId: 1n,
  clusterId: 9n,
  removedIndex: () => undefined,
  acknowledgedIndex: () => undefined,
};

describe("PeerGate", () => {
  test("admits a member of the cluster that means this one", () => {
    expect(new PeerGate(limits).judge(hello, state)).toBeUndefined();
  });

  test.each([
    ["another cluster", { clusterId: 8n }, {}, "wrong-cluster"],
    ["no cluster", { clusterId: 0n }, {}, "wrong-cluster"],
    ["another member at this address (A14)", { to: 4n }, {}, "wrong-member"],
    ["another protocol", { protocolVersion: 2 }, {}, "unsupported-version"],
    ["a removed member (A4)", {}, { removedIndex: (): bigint => 40n }, "removed"],
  ] as const)("refuses %s", (_, helloChange, stateChange, reason) => {
    expect(
      new PeerGate(limits).judge({ ...hello, ...helloChange }, { ...state, ...stateChange })?.reason,
    ).toBe(reason);
  });

  test("a blank member admits any cluster that means it", () => {
    expect(new PeerGate(limits).judge(hello, { ...state, clusterId: 0n })).toBeUndefined();
    expect(new PeerGate(limits).judge({ ...hello, clusterId: 0n }, { ...state, clusterId: 0n })?.reason).toBe(
      "wrong-cluster",
    );
  });

  test.each([
    ["an earlier start", { incarnation: 2n }, {}],
    ["a term that went back", { incarnation: 4n, durableTerm: 4n }, {}],
    [
      "a log shorter than what it acknowledged",
      { incarnation: 4n },
      { acknowledgedIndex: (): bigint => 51n },
    ],
    [
      "the same start again with a shorter log",
      { durableLastIndex: 49n },
      { acknowledgedIndex: (): bigint => 50n },
    ],
  ] as const)("refuses a disk that went back: %s (B2)", (_, helloChange, stateChange) => {
    const gate = new PeerGate(limits);
    gate.judge(hello, state);
    gate.disconnected(2n);
    expect(gate.judge({ ...hello, ...helloChange }, { ...state, ...stateChange })?.reason).toBe("stale-disk");
  });

  test("a further stream of a connected peer may be a little behind its acknowledgements", () => {
    const gate = new PeerGate(limits);
    gate.judge(hello, state);
    expect(gate.judge(hello, { ...state, acknowledgedIndex: () => 51n })).toBeUndefined();
  });
});
