import { create } from "@bufbuild/protobuf";
import { ResponseHeaderSchema } from "@rstore/proto/rstore/v1/kv";
import { expect, test } from "vitest";
import { Endpoints, normalUrl } from "./endpoints.ts";

const [a, b, c] = ["http://a:1", "http://b:1", "http://c:1"] as const;

function header(term: bigint, leaderClientUrl: string) {
  return create(ResponseHeaderSchema, { term, leaderClientUrl });
}

test("the leader of the highest term is followed; an unknown leader takes nothing away", () => {
  const endpoints = new Endpoints([a, b]);
  endpoints.observe(header(3n, b));
  expect(endpoints.forLeader(0).url).toBe(b);
  endpoints.observe(header(2n, a));
  endpoints.observe(header(4n, ""));
  expect(endpoints.leaderUrl).toBe(b);
  endpoints.observe(header(4n, a));
  expect(endpoints.forLeader(0).url).toBe(a);
});

test("a leader that fails rests while another member forwards, longer each time, and is tried again", () => {
  const endpoints = new Endpoints([a, b]);
  endpoints.observe(header(3n, a));
  endpoints.failed(endpoints.at(a), 0);
  expect(endpoints.forLeader(50).url).toBe(b);
  expect(endpoints.forLeader(101).url).toBe(a);
  endpoints.failed(endpoints.at(a), 101);
  expect(endpoints.forLeader(250).url).toBe(b);
  endpoints.succeeded(endpoints.at(a));
  expect(endpoints.forLeader(250).url).toBe(a);
});

test("when all rest, the one that has rested most is tried", () => {
  const endpoints = new Endpoints([a, b]);
  endpoints.failed(endpoints.at(b), 0);
  endpoints.failed(endpoints.at(a), 10);
  expect(endpoints.any(20).url).toBe(b);
});

test("members that left are forgotten, configured endpoints are not", () => {
  const endpoints = new Endpoints([a]);
  endpoints.learn([b, c]);
  expect(endpoints.urls).toEqual([a, b, c]);
  endpoints.learn([c, "not a url at all ://"]);
  expect(endpoints.urls).toEqual([a, c]);
  endpoints.learn([]);
  expect(endpoints.urls).toEqual([a, c]);
});

test("what is learned is bounded", () => {
  const endpoints = new Endpoints([a]);
  for (let i = 0; i < 100; i++) endpoints.observe(header(BigInt(i), `http://leader-${i}:1`));
  expect(endpoints.urls.length).toBeLessThanOrEqual(33);
  expect(endpoints.urls).toContain(a);
  expect(endpoints.forLeader(0).url).toBe("http://leader-99:1");
});

test("URLs are compared by their origin", () => {
  expect(normalUrl("127.0.0.1:4001")).toBe("http://127.0.0.1:4001");
  expect(normalUrl("http://Host:80/path/")).toBe("http://host");
  expect(normalUrl("https://host:443")).toBe("https://host");
  expect(normalUrl("ftp://host")).toBe("");
  expect(normalUrl("")).toBe("");
});
