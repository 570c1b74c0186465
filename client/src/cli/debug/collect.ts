import { idText } from "../../bytes.ts";
import { Client } from "../../client.ts";
import { diagnose } from "../../diagnose.ts";
import type { Member, MemberList } from "../../types.ts";
import { json } from "../output.ts";
import type { ArchivedFile } from "./make-archive.ts";
import { safeName } from "./safe-name.ts";

export interface CollectOptions {
  /** Client URLs; the members are found from the first that answers. */
  readonly endpoints: readonly string[];
  /** Peer URLs of further replicas, which may belong to no cluster. */
  readonly peers: readonly string[];
  readonly timeoutMs: number;
  readonly progress: (line: string) => void;
}

/** How one replica was asked, and what came of it. */
export interface Asked {
  readonly replica: string;
  readonly peerUrl: string;
  readonly answered: boolean;
  /** Why parts are missing. */
  readonly problem?: string;
}

export interface Collected {
  readonly files: readonly ArchivedFile[];
  readonly asked: readonly Asked[];
  /** Why the members are not known. */
  readonly membersProblem?: string;
}

interface Target {
  readonly name: string;
  readonly peerUrl: string;
  readonly clientUrl: string;
}

/** Names are not always unique. */
function withFolders(targets: readonly Target[]): (Target & { readonly folder: string })[] {
  const taken = new Set<string>();
  return targets.map((target) => {
    const wanted = safeName(target.name, "unnamed");
    let name = wanted;
    for (let copy = 2; taken.has(name); copy++) name = `${wanted}-${copy}`;
    taken.add(name);
    return { ...target, folder: `replicas/${name}` };
  });
}

/** Asks every member, and every other replica that is named; who does not answer is noted. */
export async function collect(options: CollectOptions): Promise<Collected> {
  const { list, problem } = await findMembers(options);
  const members: Target[] = (list?.members ?? []).map((member) => ({ ...member, name: nameOf(member) }));
  const known = new Set(members.map(({ peerUrl }) => peerUrl));
  const others = options.peers
    .filter((peerUrl) => !known.has(peerUrl))
    .map((peerUrl) => ({ name: peerUrl.replace(/^https?:\/\//, ""), peerUrl, clientUrl: "" }));
  // Without a list of members there still are the endpoints' own words.
  const endpoints = members.length > 0 ? [] : options.endpoints;
  const alone = endpoints.map((clientUrl) => ({
    name: clientUrl.replace(/^https?:\/\//, ""),
    peerUrl: "",
    clientUrl,
  }));
  const targets = withFolders([...members, ...others, ...alone]);
  const parts = await Promise.all(targets.map((target) => ask(target, options)));
  const listed = list === undefined ? [] : [{ path: "members.json", content: indented(listJson(list)) }];
  return {
    files: [...listed, ...parts.flatMap(({ files }) => files)],
    asked: parts.map(({ asked }) => asked),
    ...(problem !== undefined && { membersProblem: problem }),
  };
}

async function findMembers({
  endpoints,
  timeoutMs,
  progress,
}: CollectOptions): Promise<{ readonly list?: MemberList; readonly problem?: string }> {
  const problems: string[] = [];
  for (const endpoint of endpoints) {
    try {
      const list = await withClient(endpoint, timeoutMs, (client) =>
        client.listMembers({ consistency: "serializable" }),
      );
      if (list.members.length > 0) {
        progress(`${endpoint} knows ${list.members.length} members`);
        return { list };
      }
      problems.push(`${endpoint} knows no members`);
    } catch (error) {
      problems.push(`${endpoint}: ${messageOf(error)}`);
    }
    progress(problems.at(-1)!);
  }
  return { problem: problems.join("; ") };
}

async function ask(
  { name, peerUrl, clientUrl, folder }: Target & { readonly folder: string },
  { timeoutMs, progress }: CollectOptions,
): Promise<{ readonly files: readonly ArchivedFile[]; readonly asked: Asked }> {
  const problems: string[] = [];
  if (peerUrl !== "") {
    try {
      const documents = await diagnose(peerUrl, timeoutMs);
      progress(`${name}: ${documents.length} documents`);
      const files = documents.map((document, at) => ({
        path: `${folder}/${safeName(document.name, `document-${at}`)}`,
        content: document.content,
      }));
      return { files, asked: { replica: name, peerUrl, answered: true } };
    } catch (error) {
      problems.push(`${peerUrl}: ${messageOf(error)}`);
    }
  }
  // Its peer port may be out of reach where its client port is not, or the replica is of an earlier version.
  const status = clientUrl === "" ? undefined : await statusOf(clientUrl, timeoutMs, problems);
  progress(`${name}: ${status === undefined ? "no answer" : "only its status"} (${problems.join("; ")})`);
  return {
    files: status === undefined ? [] : [{ path: `${folder}/status.json`, content: indented(status) }],
    asked: { replica: name, peerUrl, answered: status !== undefined, problem: problems.join("; ") },
  };
}

async function statusOf(clientUrl: string, timeoutMs: number, problems: string[]): Promise<unknown> {
  try {
    return await withClient(clientUrl, timeoutMs, (client) => client.status());
  } catch (error) {
    problems.push(`${clientUrl}: ${messageOf(error)}`);
    return undefined;
  }
}

async function withClient<T>(
  endpoint: string,
  timeoutMs: number,
  call: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({ endpoints: [endpoint], timeoutMs, discover: false });
  try {
    return await call(client);
  } finally {
    client.close();
  }
}

function nameOf({ name, id }: Member): string {
  return name === "" ? idText(id) : name;
}

function listJson(list: MemberList): unknown {
  return { ...list, members: list.members.map(({ id, ...member }) => ({ id: idText(id), ...member })) };
}

function indented(value: unknown): string {
  return `${JSON.stringify(JSON.parse(json(value)), undefined, 2)}\n`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
