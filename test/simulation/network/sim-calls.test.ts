import { ForwardError } from "@rstore/replica/transport/types";
import { describe, expect, test } from "vitest";
import { fromEventLoop } from "../world/microtasks.ts";
import { type BenchMember, fairWeather, NetworkBench, upTo } from "./network-bench.ts";
import { clientPlace } from "./types.ts";

const client = clientPlace(0);
const payload = Uint8Array.of(1, 2, 3);

/** Settled, once the world has run on. */
function outcome<T>(promise: Promise<T>): { value?: T; error?: unknown } {
  const settled: { value?: T; error?: unknown } = {};
  promise.then(
    (value) => {
      settled.value = value;
    },
    (error: unknown) => {
      settled.error = error;
    },
  );
  return settled;
}

function joined(options?: ConstructorParameters<typeof NetworkBench>[0]): {
  bench: NetworkBench;
  one: BenchMember;
  two: BenchMember;
} {
  const bench = new NetworkBench(options);
  const limits = { forwardMaxInflight: 200 };
  const [one, two] = [bench.start(1, { limits }), bench.start(2)];
  bench.join(one, two);
  return { bench, one, two };
}

function forward(one: BenchMember, timeoutMs = 1_000): { value?: Uint8Array; error?: unknown } {
  return outcome(one.transport.forward(2n, payload, one.clock.nowMs() + timeoutMs));
}

function sentOf({ error }: { error?: unknown }): boolean | undefined {
  return error instanceof ForwardError ? error.sent : undefined;
}

describe("a forwarded call", () => {
  test.each([false, true])(
    "is answered with what the handler says, within its deadline (codecs: %s)",
    async (throughCodecs) => {
      await fromEventLoop(() => {
        const { bench, one, two } = joined({ throughCodecs });
        let deadline = 0;
        two.handler.onForwarded = async (bytes, deadlineMs) => {
          deadline = deadlineMs - two.clock.nowMs();
          return bytes.map((byte) => byte * 2);
        };
        const answer = forward(one);
        bench.run(100);
        expect(answer.value).toEqual(Uint8Array.of(2, 4, 6));
        expect(deadline).toBeGreaterThan(900);
        expect(deadline).toBeLessThanOrEqual(1_000);
      });
    },
  );

  test("that was not sent says so: nobody known, no connection, too late, refused", async () => {
    await fromEventLoop(() => {
      const { bench, one, two } = joined();
      const toNobody = outcome(one.transport.forward(9n, payload, one.clock.nowMs() + 1_000));
      const late = forward(one, 0);
      bench.run(10);
      expect([toNobody, late].map(sentOf)).toEqual([false, false]);
      one.handler.incarnation = 2n;
      two.handler.refuse = () => ({ reason: "removed", index: 5n });
      const refused = forward(one);
      bench.run(100);
      expect(sentOf(refused)).toBe(false);
      expect(one.handler.refusals).toContainEqual({ peer: 2n, refusal: { reason: "removed", index: 5n } });
      expect(bench.world.coverage.get("peer.refused-removed")).toBe(1);
      bench.network.reset(1, 2);
      bench.run(1);
      const broken = forward(one);
      bench.run(1);
      expect(sentOf(broken)).toBe(false);
    });
  });

  test("that may have been seen says so: no answer, a failure, a broken connection", async () => {
    await fromEventLoop(() => {
      const { bench, one, two } = joined();
      two.handler.onForwarded = () => new Promise(() => {});
      const unanswered = forward(one);
      bench.run(2_000);
      two.handler.onForwarded = async () => {
        throw new Error("not now");
      };
      const failed = forward(one);
      bench.run(100);
      two.handler.onForwarded = () => new Promise(() => {});
      const broken = forward(one);
      bench.run(100);
      bench.network.reset(1, 2);
      bench.run(1);
      expect([unanswered, failed, broken].map(sentOf)).toEqual([true, true, true]);
    });
  });

  test("is never served twice, and may be lost on either way", async () => {
    await fromEventLoop(() => {
      const { bench, one, two } = joined({
        weather: { lossChance: 0.3, duplicateChance: 1, reorderChance: 0.5 },
      });
      const served = new Map<number, number>();
      two.handler.onForwarded = async (bytes) => {
        served.set(bytes[0]!, (served.get(bytes[0]!) ?? 0) + 1);
        return bytes;
      };
      const answers = upTo(200).map((at) =>
        outcome(one.transport.forward(2n, Uint8Array.of(at), one.clock.nowMs() + 1_000)),
      );
      bench.run(3_000);
      expect(new Set(served.values())).toEqual(new Set([1]));
      const answered = answers.filter(({ value }) => value !== undefined).length;
      expect(served.size).toBeLessThan(170);
      expect(answered).toBeLessThan(served.size - 20);
      expect(answers.filter((answer) => sentOf(answer) === true).length).toBe(200 - answered);
      // The calls that were lost hold no place among those that wait.
      bench.network.setWeather(fairWeather);
      const again = forward(one);
      bench.run(100);
      expect(again.value).toEqual(payload);
    });
  });
});

describe("a client's call", () => {
  test("runs in the life that is there when it arrives, and its answer comes back", async () => {
    await fromEventLoop(() => {
      const bench = new NetworkBench();
      const two = bench.start(2);
      const answers: PromiseSettledResult<number>[] = [];
      const call = (serve: () => Promise<number>) =>
        bench.network.call(client, 2, serve, (answer) => answers.push(answer));
      call(async () => 5);
      call(() => {
        throw new Error("at once");
      });
      expect(answers).toEqual([]);
      bench.run(10);
      expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
      two.life.pause();
      call(async () => 6);
      bench.run(10);
      expect(answers.length).toBe(2);
      two.life.resume();
      bench.run(10);
      expect(answers[2]).toEqual({ status: "fulfilled", value: 6 });
    });
  });

  test("to a dead process, or one that dies meanwhile, is never answered", async () => {
    await fromEventLoop(() => {
      const bench = new NetworkBench();
      let served = 0;
      let answered = 0;
      let resolve = (): void => {};
      const call = (): void =>
        bench.network.call(
          client,
          2,
          () => {
            served += 1;
            return new Promise<void>((done) => {
              resolve = done;
            });
          },
          () => {
            answered += 1;
          },
        );
      call();
      bench.run(100);
      expect(served).toBe(0);
      bench.start(2);
      call();
      bench.run(100);
      bench.end(2);
      resolve();
      bench.run(100);
      expect([served, answered]).toEqual([1, 0]);
    });
  });

  test("over a cut link arrives after it or never, on either way", async () => {
    await fromEventLoop(() => {
      const bench = new NetworkBench();
      bench.start(2);
      let served = 0;
      let answered = 0;
      const call = (): void =>
        bench.network.call(
          client,
          2,
          async () => {
            served += 1;
          },
          () => {
            answered += 1;
          },
        );
      bench.network.cut(client, 2);
      for (const _ of upTo(100)) call();
      bench.run(1_000);
      expect([served, answered]).toEqual([0, 0]);
      bench.network.heal(client, 2);
      bench.run(1_000);
      expect(served).toBeGreaterThan(10);
      expect(served).toBeLessThan(60);
      expect(answered).toBe(served);
      bench.network.cut(2, client);
      const before = answered;
      for (const _ of upTo(100)) call();
      bench.run(1_000);
      expect([served - before, answered]).toEqual([100, before]);
    });
  });

  test("is lost as the weather says", async () => {
    await fromEventLoop(() => {
      const bench = new NetworkBench({ weather: { lossChance: 0.2 } });
      bench.start(2);
      let answered = 0;
      for (const _ of upTo(500)) {
        bench.network.call(
          client,
          2,
          async () => {},
          () => {
            answered += 1;
          },
        );
      }
      bench.run(1_000);
      expect(answered).toBeGreaterThan(250);
      expect(answered).toBeLessThan(390);
      expect(bench.world.coverage.get("network.lost")).toBe(500 - answered);
    });
  });
});
