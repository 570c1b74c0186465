import { once } from "node:events";
import http2 from "node:http2";
import net from "node:net";
import { type ConnectRouter, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { MembershipService } from "@rstore/proto/rstore/v1/membership";
import { afterEach, describe, expect, test } from "vitest";
import { FatalError } from "../errors.ts";
import { createPeerServer } from "./peer-server.ts";
import { connect, linked, startMember, TestNetwork, testClock, until } from "./transport-harness.ts";

const network = new TestNetwork();
afterEach(() => network.close());

describe("the peer port", () => {
  const services = (router: ConnectRouter) =>
    router.service(MembershipService, {
      getIdentity: () => ({ memberId: 7n, name: "seven" }),
      bootstrap: async ({ clusterId }) => ({ configurationIndex: clusterId }),
    });

  test("serves further services by Connect, gRPC, and JSON over HTTP/1.1", async () => {
    const member = await network.member(1n, { services });
    for (const httpVersion of ["1.1", "2"] as const) {
      const client = createClient(
        MembershipService,
        createConnectTransport({ baseUrl: member.url, httpVersion }),
      );
      expect((await client.getIdentity({})).memberId).toBe(7n);
    }
    const grpc = createClient(MembershipService, createGrpcTransport({ baseUrl: member.url }));
    expect((await grpc.getIdentity({})).name).toBe("seven");
    const response = await fetch(`${member.url}/rstore.v1.MembershipService/Bootstrap`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ clusterId: "5", memberId: "1" }),
    });
    expect(await response.json()).toEqual({ configurationIndex: "5" });
    expect((await fetch(`${member.url}/nothing`)).status).toBe(404);
  });

  test("refuses requests over the limit and stays well (C9)", async () => {
    const member = await network.member(1n, { services, limits: { requestMaxBytes: 10_000 } });
    const post = (bytes: number) =>
      fetch(`${member.url}/rstore.v1.MembershipService/Bootstrap`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ clusterId: "5", memberId: "1" }) + " ".repeat(bytes),
      });
    expect((await post(100_000)).status).toBe(429);
    expect((await post(1)).status).toBe(200);
  });

  test("ends connections that say nothing, half a hello, or claim too much (C9)", async () => {
    const member = await network.member(1n, { limits: { helloTimeoutMs: 100 } });
    const silent = net.connect(member.server.port, "127.0.0.1");
    const slow = net.connect(member.server.port, "127.0.0.1");
    slow.write("PRI * HT");
    const slower = net.connect(member.server.port, "127.0.0.1");
    slower.write("POST / HTTP/1.1\r\nhost: a\r\nx-slow");
    await Promise.all(
      [silent, slow, slower].map((socket) => once(socket.on("error", () => {}).resume(), "close")),
    );
    const session = http2.connect(member.url);
    const headers = { ":method": "POST", ":path": "/rstore.peer.v1.PeerService/Stream" };
    const contentType = { "content-type": "application/connect+proto" };
    const speechless = session.request({ ...headers, ...contentType });
    const boastful = session.request({ ...headers, ...contentType });
    boastful.write(Buffer.from([0, 0x00, 0xff, 0xff, 0xff]));
    const ends = await Promise.all(
      [speechless, boastful].map(async (stream) => Buffer.concat(await stream.toArray()).toString()),
    );
    expect(ends[0]).toContain("deadline_exceeded");
    expect(ends[1]).toContain("out_of_range");
    const [answer] = await once(session.request(headers), "response");
    expect(answer[":status"]).toBe(415);
    session.destroy();
    const peer = await network.member(2n);
    await connect(peer, member);
  });

  test("ends connections that fell silent, but not those that wait for an answer (C9)", async () => {
    const limits = { deadPeerMs: 50, stallTimeoutMs: 100 };
    let answer: (() => void) | undefined;
    const slow = (router: ConnectRouter) =>
      router.service(MembershipService, {
        getIdentity: () =>
          new Promise((resolve) => {
            answer = () => resolve({ name: "late" });
          }),
      });
    const member = await network.member(1n, { services: slow, limits });
    const waiting = createClient(
      MembershipService,
      createConnectTransport({ baseUrl: member.url, httpVersion: "2" }),
    );
    const identity = waiting.getIdentity({});
    await until("the call", () => answer !== undefined);
    for (let at = 0; at < 2; at++) {
      const idle = http2.connect(member.url);
      await once(idle, "close");
    }
    answer?.();
    expect((await identity).name).toBe("late");
  });

  test("holds no more connections than its limit", async () => {
    const member = await network.member(1n, { limits: { connectionsMax: 3, helloTimeoutMs: 60_000 } });
    const sockets = Array.from({ length: 6 }, () => net.connect(member.server.port, "127.0.0.1"));
    let closed = 0;
    for (const socket of sockets)
      socket
        .on("error", () => {})
        .on("close", () => closed++)
        .resume();
    await until("three closed", () => closed === 3);
    for (const socket of sockets) socket.destroy();
  });

  test("that is taken is said so", async () => {
    const member = await network.member(1n);
    const listen = { host: "127.0.0.1", port: member.server.port };
    const opening = createPeerServer({
      handler: member.handler,
      links: member.transport.links,
      clock: testClock,
      listen,
    });
    await expect(opening).rejects.toBeInstanceOf(FatalError);
    await expect(opening).rejects.toMatchObject({ reason: "addressInUse" });
  });

  test("that closes lets a call under way finish, and tells its peers at once", async () => {
    let answer: (() => void) | undefined;
    const slow = (router: ConnectRouter) =>
      router.service(MembershipService, {
        getIdentity: () =>
          new Promise((resolve) => {
            answer = () => resolve({ name: "late" });
          }),
      });
    const member = await startMember(1n, { services: slow });
    const peer = await network.member(2n);
    await connect(peer, member);
    const clients = (["1.1", "2"] as const).map((httpVersion) =>
      createClient(MembershipService, createConnectTransport({ baseUrl: member.url, httpVersion })),
    );
    const answers: Promise<{ name: string }>[] = [];
    const finish: (() => void)[] = [];
    for (const client of clients) {
      answer = undefined;
      answers.push(client.getIdentity({}));
      await until("the call", () => answer !== undefined);
      finish.push(answer!);
    }
    const closing = member.server.close(20_000);
    await until("the peer told", () => peer.handler.disconnects.length > 0);
    for (const one of finish) one();
    for (const one of answers) expect((await one).name).toBe("late");
    await closing;
    await member.transport.close();
    expect(peer.handler.disconnects).toEqual([1n]);
    expect(member.handler.disconnects).toEqual([]);
  });

  test("ends a half-open peer's streams, which is no report of a loss", async () => {
    // The peer pings every 500 ms and finds the connection dead only after this member has.
    const member = await network.member(1n, { limits: { deadPeerMs: 100, stallTimeoutMs: 800 } });
    const peer = await network.member(2n, { limits: { deadPeerMs: 2_000 } });
    const proxy = await network.proxy(member);
    await connect(peer, member, proxy.url);
    const hello = peer.handler.hello(1n);
    expect(member.transport.links.isAdmitted(hello)).toBe(true);
    proxy.swallow = true;
    await until("the end", () => !member.transport.links.isAdmitted(hello));
    expect(member.handler.disconnects).toEqual([]);
  });

  test("takes a restarted peer's streams while the old ones are half open", async () => {
    const member = await network.member(1n);
    const before = await network.member(2n);
    const proxy = await network.proxy(member);
    await connect(before, member, proxy.url);
    proxy.swallow = true;
    const after = await network.member(2n, { incarnation: 2n });
    after.transport.setPeers([{ memberId: 1n, peerUrl: member.url }]);
    await linked(after, member);
    expect(member.handler.disconnects).toEqual([2n]);
  });
});
