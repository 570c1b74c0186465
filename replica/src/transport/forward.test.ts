import { afterEach, describe, expect, test } from "vitest";
import { connect, TestNetwork, until } from "./transport-harness.ts";
import type { ForwardError } from "./types.ts";

const network = new TestNetwork();
afterEach(() => network.close());

const soon = () => performance.now() + 10_000;

describe("a forwarded proposal", () => {
  test("reaches the leader with its deadline, and its outcome comes back", async () => {
    const [follower, leader] = [await network.member(1n), await network.member(2n)];
    await connect(follower, leader);
    const payload = new Uint8Array(2_000_000).fill(9);
    const deadlines: number[] = [];
    leader.handler.onForwarded = async (received, deadlineMs) => {
      deadlines.push(deadlineMs);
      expect(Buffer.compare(received, payload)).toBe(0);
      return new Uint8Array([1, 2, 3]);
    };
    const deadlineMs = performance.now() + 5_000;
    expect(await follower.transport.forward(2n, payload, deadlineMs)).toEqual(new Uint8Array([1, 2, 3]));
    expect(deadlines[0]).toBeLessThanOrEqual(deadlineMs + 50);
    expect(deadlines[0]).toBeGreaterThan(performance.now());
    // The streams of the follower were admitted with this identity already.
    expect(leader.handler.admitted).toHaveLength(2);
  });

  test("goes beside many others", async () => {
    const [follower, leader] = [await network.member(1n), await network.member(2n)];
    await connect(follower, leader);
    const payloads = Array.from({ length: 500 }, (_, at) => new Uint8Array([at % 256, at >> 8]));
    const answers = await Promise.all(
      payloads.map((payload) => follower.transport.forward(2n, payload, soon())),
    );
    expect(answers).toEqual(payloads);
  });

  /** What `forward` rejects with. */
  async function failure(promise: Promise<unknown>): Promise<{ sent: boolean; message: string }> {
    const error = await promise.then(
      () => undefined,
      (reason: ForwardError) => reason,
    );
    return { sent: error!.sent, message: error!.message };
  }

  test("was certainly not seen when there is no connection, no time, no room, or it was refused", async () => {
    const limits = { forwardMaxInflight: 1, forwardMaxBytes: 1_000 };
    const [follower, leader] = [await network.member(1n, { limits }), await network.member(2n)];
    const forward = (bytes: number, deadlineMs = soon()) =>
      failure(follower.transport.forward(2n, new Uint8Array(bytes), deadlineMs));
    expect(await forward(1)).toMatchObject({ sent: false, message: "no address of member 2 is known" });
    follower.transport.setPeers([{ memberId: 2n, peerUrl: leader.url }]);
    expect(await forward(1)).toMatchObject({ sent: false, message: "no connection to member 2" });
    await connect(follower, leader);
    expect(await forward(1, performance.now())).toMatchObject({
      sent: false,
      message: "the deadline has passed",
    });
    expect(await forward(1_001)).toMatchObject({
      sent: false,
      message: expect.stringContaining("limit is 1000"),
    });
    let answer: (() => void) | undefined;
    leader.handler.onForwarded = (payload) =>
      new Promise((resolve) => {
        answer = () => resolve(payload);
      });
    const first = follower.transport.forward(2n, new Uint8Array(1), soon());
    expect(await forward(1)).toMatchObject({
      sent: false,
      message: expect.stringContaining("forwardMaxInflight"),
    });
    await until("the call at the leader", () => answer !== undefined);
    answer?.();
    await first;
    follower.handler.incarnation = 2n;
    leader.handler.refuse = () => ({ reason: "removed", index: 4n });
    expect(await forward(1)).toMatchObject({ sent: false, message: "member 2 refused: removed" });
    expect(follower.handler.refusals).toEqual([{ peer: 2n, refusal: { reason: "removed", index: 4n } }]);
  });

  test("may have been seen when its deadline passes, the leader fails, or the connection breaks", async () => {
    const [follower, leader] = [await network.member(1n), await network.member(2n)];
    const proxy = await network.proxy(leader);
    await connect(follower, leader, proxy.url);
    const forward = (deadlineMs: number) =>
      failure(follower.transport.forward(2n, new Uint8Array(1), deadlineMs));
    leader.handler.onForwarded = () => new Promise(() => {});
    expect(await forward(performance.now() + 50)).toMatchObject({ sent: true });
    leader.handler.onForwarded = () => Promise.reject(new Error("a bug"));
    expect(await forward(soon())).toEqual({ sent: true, message: "a bug" });
    // Nor does a leader that cannot answer at all hold up the caller.
    proxy.swallow = true;
    expect(await forward(performance.now() + 50)).toEqual({
      sent: true,
      message: "no answer before the deadline",
    });
    proxy.swallow = false;
    proxy.cut("reset");
    await connect(follower, leader, leader.url);
    await connect(follower, leader, proxy.url);
    leader.handler.onForwarded = () => {
      proxy.cut("reset");
      return new Promise(() => {});
    };
    expect(await forward(soon())).toMatchObject({ sent: true });
  });

  test("is answered by a leader that ends in good order, and what came later was certainly not seen", async () => {
    const [follower, leader] = [await network.member(1n), await network.member(2n)];
    await connect(follower, leader);
    const answers: (() => void)[] = [];
    leader.handler.onForwarded = (payload) => new Promise((resolve) => answers.push(() => resolve(payload)));
    const first = follower.transport.forward(2n, new Uint8Array([7]), soon());
    await until("the call at the leader", () => answers.length === 1);
    const closed = leader.server.close();
    await until("the end of the stream", () => follower.handler.disconnects.length > 0);
    const later = failure(follower.transport.forward(2n, new Uint8Array([8]), soon()));
    expect(await later).toMatchObject({ sent: false });
    answers[0]?.();
    expect(await first).toEqual(new Uint8Array([7]));
    await closed;
  });

  test("is waited for after the connection was given up, and not for ever", async () => {
    const limits = { deadPeerMs: 100, forwardGraceMs: 500 };
    const [follower, leader] = [await network.member(1n, { limits }), await network.member(2n)];
    await connect(follower, leader);
    let answer: (() => void) | undefined;
    leader.handler.onForwarded = (payload) =>
      new Promise((resolve) => {
        answer = () => resolve(payload);
      });
    const patient = follower.transport.forward(2n, new Uint8Array([7]), soon());
    await until("the call at the leader", () => answer !== undefined);
    follower.transport.setPeers([]);
    answer?.();
    expect(await patient).toEqual(new Uint8Array([7]));
    await connect(follower, leader);
    answer = undefined;
    const late = failure(follower.transport.forward(2n, new Uint8Array([7]), soon()));
    await until("the call at the leader", () => answer !== undefined);
    follower.transport.setPeers([]);
    expect(await late).toMatchObject({ sent: true, message: "the connection broke before the answer" });
  });
});
