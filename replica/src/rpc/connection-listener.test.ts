import { EventEmitter } from "node:events";
import type { Server as HttpServer } from "node:http";
import type { Http2Server } from "node:http2";
import type { Socket } from "node:net";
import { PassThrough } from "node:stream";
import { beforeEach, describe, expect, it } from "vitest";
import { createConnectionListener } from "./connection-listener.ts";
import { until } from "./rpc-harness.ts";

let routed: string[];
beforeEach(() => {
  routed = [];
});

function listener(firstBytesTimeoutMs = 60_000) {
  const http1 = new EventEmitter();
  const http2 = new EventEmitter();
  http1.on("connection", () => routed.push("http1"));
  http2.on("connection", () => routed.push("http2"));
  return createConnectionListener({
    http1: http1 as HttpServer,
    http2: http2 as Http2Server,
    firstBytesTimeoutMs,
  });
}

/** One piece at a time; each is seen before the next is sent. */
async function send(socket: PassThrough, ...pieces: string[]): Promise<void> {
  for (const piece of pieces) {
    socket.write(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("a connection goes to the server of its protocol", () => {
  it.each([
    ["http2", ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]],
    ["http2", [..."PRI * HTTP/2.0\r\n\r\n"]],
    ["http1", ["GET / HTTP/1.1\r\n"]],
    ["http1", [..."PUT /key/a HTTP/1.1\r\n"]],
    ["http1", ["P", "R", "OPFIND / HTTP/1.1\r\n"]],
  ])("to %s after %j, and with every byte", async (protocol, pieces) => {
    const socket = new PassThrough();
    listener().accept(socket as unknown as Socket);
    await send(socket, ...pieces);
    expect(routed).toEqual([protocol]);
    const bytes: Buffer[] = [];
    for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) bytes.push(chunk);
    expect(Buffer.concat(bytes).toString()).toBe(pieces.join(""));
  });

  it("and waits while it could be either", async () => {
    const socket = new PassThrough();
    listener().accept(socket as unknown as Socket);
    await send(socket, "PRI * HTTP/2.");
    expect(routed).toEqual([]);
    await send(socket, "0\r\n");
    expect(routed).toEqual(["http2"]);
  });
});

describe("a connection that does not say what it speaks", () => {
  it("is closed when its time is over (C9)", async () => {
    const socket = new PassThrough();
    listener(20).accept(socket as unknown as Socket);
    await send(socket, "PRI");
    await until(() => socket.destroyed, "closed");
  });

  it("is closed with the server; one that has said it is left to its server", async () => {
    const { accept, closeUndecided } = listener();
    const [silent, speaking] = [new PassThrough(), new PassThrough()];
    accept(silent as unknown as Socket);
    accept(speaking as unknown as Socket);
    await send(speaking, "GET / HTTP/1.1\r\n");
    closeUndecided();
    expect([silent.destroyed, speaking.destroyed]).toEqual([true, false]);
  });
});
