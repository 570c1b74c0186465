import { beforeEach, expect, it } from "vitest";
import type { MemberReport } from "./console-state.ts";
import { PeerObserver } from "./peer-observer.ts";
import { sampleReport } from "./testing/sample-state.ts";

let nowMs: number;
let asked: string[];
let answer: (peerUrl: string) => Promise<MemberReport>;
let observer: PeerObserver;
beforeEach(() => {
  nowMs = 10_000;
  asked = [];
  answer = async () => sampleReport;
  observer = new PeerObserver({
    ask: (peerUrl) => {
      asked.push(peerUrl);
      return answer(peerUrl);
    },
    wallMs: () => nowMs,
  });
});

const a = { id: "a", peerUrl: "http://a" };
const b = { id: "b", peerUrl: "http://b" };

it("asks nobody while nobody looks, and once for all who look", async () => {
  expect(asked).toEqual([]);
  await Promise.all(Array.from({ length: 50 }, () => observer.look([a, b])));
  for (let viewer = 0; viewer < 20; viewer++) await observer.look([a, b]);
  expect(asked).toEqual(["http://a", "http://b"]);
  expect(observer.observation("a")).toEqual({ report: sampleReport, silentSinceMs: undefined });
  nowMs += 1_000;
  await observer.look([a, b]);
  expect(asked).toHaveLength(4);
});

it("a peer that does not answer is silent since then, and its last word is kept", async () => {
  await observer.look([a]);
  answer = () => Promise.reject(new Error("gone"));
  for (let round = 0; round < 3; round++) {
    nowMs += 1_000;
    await observer.look([a]);
  }
  expect(observer.observation("a")).toEqual({ report: sampleReport, silentSinceMs: 11_000 });
  answer = async () => sampleReport;
  nowMs += 1_000;
  await observer.look([a]);
  expect(observer.observation("a")?.silentSinceMs).toBeUndefined();
});

it("a peer that hangs is not asked again meanwhile, and nobody else waits for it", async () => {
  const { promise, resolve } = Promise.withResolvers<MemberReport>();
  answer = (peerUrl) => (peerUrl === "http://a" ? promise : Promise.resolve(sampleReport));
  void observer.look([a, b]);
  await expect.poll(() => observer.observation("b")).toBeDefined();
  nowMs += 1_000;
  await observer.look([a, b]);
  expect(asked).toEqual(["http://a", "http://b", "http://b"]);
  expect(observer.observation("a")).toBeUndefined();
  resolve(sampleReport);
});

it("who is no member any more, or lives elsewhere now, is forgotten; and a clock that goes back does no harm", async () => {
  await observer.look([a, b]);
  nowMs = 0;
  await observer.look([{ id: "a", peerUrl: "http://elsewhere" }]);
  expect(asked.at(-1)).toBe("http://elsewhere");
  expect(observer.observation("b")).toBeUndefined();
});

it("asks no more than 64", async () => {
  await observer.look(Array.from({ length: 100 }, (_, at) => ({ id: String(at), peerUrl: `http://${at}` })));
  expect(asked).toHaveLength(64);
});
