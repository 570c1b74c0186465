import { describe, expect, test } from "vitest";
import type { MemberId } from "../raft/types.ts";
import { Backoff } from "./backoff.ts";
import { type InboundLink, PeerLinks } from "./peer-links.ts";
import type { PeerHello } from "./types.ts";

function setUp() {
  const disconnects: MemberId[] = [];
  const closed: string[] = [];
  const links = new PeerLinks({ disconnected: (peer) => disconnects.push(peer) });
  const inbound = (kind: InboundLink["kind"], incarnation = 1n): InboundLink => ({
    hello: hello(incarnation),
    kind,
    close: () => closed.push(`${kind} ${incarnation}`),
  });
  return { links, disconnects, closed, inbound };
}

function hello(incarnation: bigint): PeerHello {
  const identity = { clusterId: 9n, from: 2n, to: 1n, incarnation, protocolVersion: 1 };
  return { ...identity, durableTerm: 1n, durableLastIndex: 1n, peerUrl: "" };
}

describe("losses", () => {
  test("of all connections to a peer that dies are one loss", () => {
    const { links, disconnects } = setUp();
    const tokens = [1, 2, 3, 4].map(() => links.established(2n));
    for (const token of tokens) links.lost(token);
    expect(disconnects).toEqual([2n]);
  });

  test("are told again for connections that were made since", () => {
    const { links, disconnects } = setUp();
    const [old, older] = [links.established(2n), links.established(2n)];
    links.lost(old);
    const fresh = links.established(2n);
    links.lost(older);
    expect(disconnects).toEqual([2n]);
    links.lost(fresh);
    expect(disconnects).toEqual([2n, 2n]);
  });
});

describe("streams from a peer", () => {
  test("of an older incarnation end when a newer one arrives, which is a loss (A14)", () => {
    const { links, disconnects, closed, inbound } = setUp();
    links.opened(inbound("control"));
    links.opened(inbound("bulk"));
    links.opened(inbound("control", 2n));
    expect(closed).toEqual(["control 1", "bulk 1"]);
    expect(disconnects).toEqual([2n]);
    expect(links.isCurrent(hello(1n))).toBe(false);
    expect(links.isAdmitted(hello(1n))).toBe(false);
    expect(links.isAdmitted(hello(2n))).toBe(true);
  });

  test("opened anew by the same incarnation take the place of the last, which is no loss", () => {
    const { links, disconnects, closed, inbound } = setUp();
    const first = inbound("control");
    links.opened(first);
    links.opened(inbound("control"));
    links.closed(first);
    expect(closed).toEqual(["control 1"]);
    expect(disconnects).toEqual([]);
    expect(links.isAdmitted(hello(1n))).toBe(true);
  });

  test("end when it is not a peer any more", () => {
    const { links, disconnects, closed, inbound } = setUp();
    const token = links.opened(inbound("control"));
    links.forget(2n);
    links.lost(token);
    expect(closed).toEqual(["control 1"]);
    expect(disconnects).toEqual([]);
    expect(links.isAdmitted(hello(1n))).toBe(false);
  });
});

describe("backoff", () => {
  test("doubles up to its maximum, half by chance, and begins again after a success", () => {
    let chance = 0;
    const backoff = new Backoff({ minMs: 10, maxMs: 100, random: () => chance });
    expect([1, 2, 3, 4, 5, 6].map(() => backoff.nextDelayMs())).toEqual([5, 10, 20, 40, 50, 50]);
    chance = 0.999;
    for (let i = 0; i < 2_000; i++) expect(backoff.nextDelayMs()).toBeLessThanOrEqual(100);
    backoff.succeeded();
    chance = 0;
    expect(backoff.nextDelayMs()).toBe(5);
  });
});
