/**
 * Runs in a pod: writes without rest through the store's Service, and answers what it saw.
 *
 *   /pulse?since=MS   what came of the operations since then
 *   /truth            members and leader, asked from the replicas themselves
 *   /verify           rests, proves that every acknowledged write is on each member, and goes on
 */
import { createServer } from "node:http";
import { Client } from "@rstore/client";
import { askTruth, verify } from "./witness.ts";
import { WriterWorkload } from "./workload.ts";

const [endpoint = "", workers = "3", port = "8000"] = process.argv.slice(2);
const connect = () => new Client({ endpoints: [endpoint] });
const workload = new WriterWorkload(Array.from({ length: Number(workers) }, connect));
const witness = connect();
workload.start();

const routes: Readonly<Record<string, (query: URLSearchParams) => unknown>> = {
  "/pulse": (query) => workload.pulse(Number(query.get("since") ?? 0)),
  "/truth": () => askTruth(witness),
  "/verify": async () => {
    await workload.stop();
    try {
      return await verify(witness, workload);
    } finally {
      workload.start();
    }
  },
};

createServer(async (request, response) => {
  const url = new URL(request.url ?? "/", "http://writer");
  try {
    const route = routes[url.pathname];
    const answer = route === undefined ? undefined : await route(url.searchParams);
    response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(answer ?? {}));
  } catch (error) {
    response.writeHead(500);
    response.end(error instanceof Error ? error.message : String(error));
  }
}).listen(Number(port));
