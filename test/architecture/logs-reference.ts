import { messages as operatorMessages } from "@rstore/operator/messages/messages";
import type { Message } from "@rstore/replica/messages/message";
import { peerMessages } from "@rstore/replica/messages/peer-messages";
import { processMessages } from "@rstore/replica/messages/process-messages";
import { raftMessages } from "@rstore/replica/messages/raft-messages";
import { requestMessages } from "@rstore/replica/messages/request-messages";
import { storageMessages } from "@rstore/replica/messages/storage-messages";
import { traceMessages } from "@rstore/replica/messages/trace-messages";

type Table = Readonly<Record<string, Message>>;

/** Messages by where they are found in the reference. */
export const messageChapters: readonly { readonly title: string; readonly table: Table }[] = [
  { title: "Replica: the process", table: processMessages },
  { title: "Replica: consensus and snapshots", table: raftMessages },
  { title: "Replica: storage", table: storageMessages },
  { title: "Replica: members", table: peerMessages },
  { title: "Replica: requests", table: requestMessages },
  { title: "Replica: traces", table: traceMessages },
  { title: "Operator", table: operatorMessages },
];

const introduction = `# Logs

<!-- Made by \`npm run generate\` from replica/src/messages and operator/src/messages. -->

Replicas and the operator write JSON lines to standard output; a replica on a terminal writes readable ones
(\`--log-format\`). \`msgId\` says which line it is and never changes; \`msg\` is for people and may. \`level\` is 20 for
debug, 30 info, 40 warn, 50 error, 60 fatal. No line holds a key or a value.

A line that may repeat is limited: the next one of its kind says in \`suppressed\` how many were left out.

\`\`\`sh
kubectl logs example-0 | jq -c 'select(.msgId == "flush.slow")'
kubectl logs example-0 | jq -c 'select(.request == "order-17" or (.requests // "" | contains("order-17")))'
\`\`\`

## Following a request

Each call has an id: what its caller sent in the header \`x-request-id\` (1 to 64 letters, digits and \`._:/+=@-\`), else
the id of its trace, else one that is made. It comes back in the same header of the answer, errors included. The
client library sends one with each request; \`requestId\` in the options of a call gives it a name, and an error has
it in \`facts.requestId\`. With \`--log-level debug\` (\`spec.logLevel\` on Kubernetes) these lines name it, on the replica
that was called and on the leader: \`request.received\`, \`request.forwarded\`, \`request.accepted\`, \`request.proposed\`,
\`request.applied\`, \`request.answered\`. A request that took longer than \`--slow-request-ms\` has \`request.slow\` on every
level up to warn.

## Traces

With \`--trace-endpoint\` (\`spec.tracing\` on Kubernetes) a replica sends traces by OTLP over HTTP. Headers for the
collector come from the environment variable \`OTEL_EXPORTER_OTLP_HEADERS\`; on Kubernetes there are none: send to a
collector in the cluster. The context comes and goes in the header \`traceparent\` of W3C Trace Context. A request that
brings one is traced if its caller says so; of the others \`--trace-sample-ratio\` are.

| span | from, to | its parent |
| --- | --- | --- |
| \`rstore put\`, … | a call of the client library, with all its attempts | the span that is active at the call |
| \`rstore.v1.KvService/Batch\`, … (client) | one request of the client library; other calls that it carries are links | the call |
| \`rstore.v1.KvService/Put\`, … (server) | a request, from its headers to its answer | the client's, or none |
| \`rstore.read\` | until the state may be read: for a linearizable read, the read index | the request |
| \`rstore.forward\` | a write that a follower passes on, until the leader's answer | the request |
| \`rstore.peer.v1.PeerService/Forward\` | the same, on the leader | \`rstore.forward\` |
| \`rstore.proposal\` | from the queue of the leader to the outcome; has \`rstore.index\` and \`rstore.term\` | the request or the forward |
| \`rstore.flush\` | the leader's own durable write of the entry; may end after the apply | the proposal |
| \`rstore.commit\` | from the proposal until a majority has it | the proposal |
| \`rstore.apply\` | its application to the store | the proposal |

The client library: \`new Client({ endpoints, tracing: openTelemetryTracing() })\`, from \`@rstore/client/tracing\`.

# Messages
`;

/** The page of all messages, from their tables. */
export function logsReference(): string {
  const chapters = messageChapters.map(({ title, table }) => {
    const sections = Object.entries(table).map(([id, message]) => section(id, message));
    return `## ${title}\n\n${sections.join("\n")}`;
  });
  return `${introduction}\n${chapters.join("\n")}`;
}

function section(id: string, { level, text, fields, repeats, meaning, action }: Message): string {
  const lines = [`### ${id}`, "", `*${level}*: \`${text}\``, "", meaning, "", `**What to do:** ${action}`];
  const names = Object.entries(fields);
  if (names.length > 0) lines.push("", ...names.map(([name, what]) => `- \`${name}\`: ${what}`));
  if (repeats !== undefined) lines.push("", `At most one line ${often(repeats)}.`);
  return `${lines.join("\n")}\n`;
}

function often({ everyMs, by }: NonNullable<Message["repeats"]>): string {
  const time = everyMs === 1000 ? "a second" : `in ${everyMs / 1000} s`;
  return by.length === 0 ? time : `${time} for each ${by.map((name) => `\`${name}\``).join(" and ")}`;
}
