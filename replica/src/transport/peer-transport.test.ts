import { afterEach, describe, expect, test } from "vitest";
import { appendEntries, heartbeat, startMember, type TestMember, until } from "./transport-harness.ts";

const running: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.close();
});

async function member(...args: Parameters<typeof startMember>): Promise<TestMember> {
  const started = await startMember(...args);
  running.push(started);
  return started;
}

function join(...members: TestMember[]): void {
  const addresses = members.map(({ handler, url }) => ({ memberId: handler.id, peerUrl: url }));
  for (const { handler, transport } of members) {
    transport.setPeers(addresses.filter(({ memberId }) => memberId !== handler.id));
  }
}

function isConnected(from: TestMember, to: TestMember): boolean {
  return from.transport.stats().some((peer) => peer.memberId === to.handler.id && peer.connected);
}

describe("messages", () => {
  test("arrive in order on both streams, with the hello they were sent under", async () => {
    const [one, two] = [await member(1n), await member(2n)];
    join(one, two);
    await until("connections", () => isConnected(one, two) && isConnected(two, one));
    const sent = [
      heartbeat(1n, 2n),
      appendEntries(1n, 2n, [10, 100_000, 0, 300_000]),
      appendEntries(1n, 2n, [], 5n),
    ];
    await until("the bulk stream", () => {
      if (two.handler.received.length === 0) one.transport.send([appendEntries(1n, 2n, [], 1n)]);
      return two.handler.received.length > 0;
    });
    two.handler.received.length = 0;
    one.transport.send(sent);
    await until("messages", () => two.handler.received.length >= 3);
    const byType = (type: string) => two.handler.received.filter((message) => message.type === type);
    expect(byType("Heartbeat")).toEqual([sent[0]]);
    expect(byType("AppendEntries").slice(-2)).toEqual([sent[1], sent[2]]);
    expect(two.handler.hellos.every((hello) => hello.from === 1n && hello.to === 2n)).toBe(true);
  });

  test("forward", async () => {
    const [one, two] = [await member(1n), await member(2n)];
    join(one, two);
    await until("connections", () => isConnected(one, two));
    const payload = new Uint8Array(1_000_000).fill(7);
    await until("bulk", () => one.transport.stats()[0]!.connected);
    let answer: Uint8Array | undefined;
    await until("an answer", () => {
      one.transport.forward(2n, payload, performance.now() + 5_000).then(
        (a) => (answer = a),
        () => {},
      );
      return answer !== undefined;
    });
    expect(Buffer.compare(answer!, payload)).toBe(0);
  });
});
