import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { V1Node, V1Pod } from "@rstore/operator/kube/objects";
import type { AdminApi } from "../admin-api.ts";
import { claimOf, isDeleting, isReady, type Objects, placeOf, uidOf } from "./objects.ts";
import { ReplicaPod } from "./replica-pod.ts";
import { ignoreOutdated } from "./stateful-sets.ts";

const hook = fileURLToPath(new URL("./pod-names.ts", import.meta.url));
const graceMs = 5000;

/** Runs the pods of all nodes as processes of this machine, each with an address of its own. */
export class Kubelet {
  readonly #api: AdminApi;
  readonly #folder: string;
  readonly #program: string;
  readonly #pods = new Map<string, ReplicaPod>();
  readonly #written = new Map<string, string>();
  readonly #endingSinceMs = new Map<string, number>();
  readonly #names = new Map<string, string>();
  #nextAddress = 1;
  /** 127.x.y: other runs on this machine have others. */
  readonly #network = `127.${64 + Math.floor(Math.random() * 128)}.${Math.floor(Math.random() * 256)}`;

  constructor(api: AdminApi, folder: string, program: string) {
    this.#api = api;
    this.#folder = folder;
    this.#program = program;
    mkdirSync(join(folder, "volumes"), { recursive: true });
    this.#writeNames();
  }

  async keep({ pods, claims, nodes }: Objects): Promise<void> {
    const alive = new Set(pods.map(uidOf));
    for (const [uid, replica] of this.#pods)
      if (!alive.has(uid) && replica.end("SIGKILL")) this.#pods.delete(uid);
    await Promise.all(
      pods.map((pod) => {
        const node = nodes.find(({ metadata }) => metadata?.name === pod.spec?.nodeName);
        const volume = claimOf(pod, claims)?.spec?.volumeName;
        return this.#keepPod(pod, node, volume).catch(ignoreOutdated);
      }),
    );
  }

  async #keepPod(pod: V1Pod, node: V1Node | undefined, volume: string | undefined): Promise<void> {
    if (node !== undefined && isUp(node)) return isDeleting(pod) ? this.#end(pod) : this.#run(pod, volume);
    this.#pods.get(uidOf(pod))?.crash();
    // As the controller of nodes does for a kubelet that is not heard of any more.
    if (node !== undefined && isReady(pod)) await this.#markUnready(pod);
  }

  /** The process behind a pod. */
  replicaOf(pod: V1Pod): ReplicaPod | undefined {
    return this.#pods.get(uidOf(pod));
  }

  deleteVolume(name: string): void {
    rmSync(join(this.#folder, "volumes", name), { recursive: true, force: true });
  }

  async stop(): Promise<void> {
    for (const replica of this.#pods.values()) replica.end("SIGKILL");
  }

  async #run(pod: V1Pod, volume: string | undefined): Promise<void> {
    const replica =
      this.#pods.get(uidOf(pod)) ?? (volume === undefined ? undefined : this.#make(pod, volume));
    if (replica === undefined) return;
    replica.keep(performance.now());
    const status = await replica.status();
    const text = JSON.stringify(status);
    if (this.#written.get(replica.uid) === text) return;
    await this.#api.patch(
      "pods",
      { ...placeOf(pod), subresource: "status" },
      { metadata: { uid: uidOf(pod) }, status },
    );
    this.#written.set(replica.uid, text);
  }

  #make(pod: V1Pod, volume: string): ReplicaPod {
    const { name = "", namespace = "" } = pod.metadata ?? {};
    const replica = new ReplicaPod({
      pod,
      ip: this.#address(),
      dataFolder: join(this.#folder, "volumes", volume),
      program: this.#program,
      nodeFlags: ["--import", hook],
      logFile: join(this.#folder, `${namespace}-${name}.log`),
      names: this.#namesFile,
    });
    this.#pods.set(uidOf(pod), replica);
    this.#names.set(`${name}.${pod.spec?.subdomain}.${namespace}.svc`, replica.ip);
    this.#writeNames();
    return replica;
  }

  async #markUnready(pod: V1Pod): Promise<void> {
    const conditions = pod.status?.conditions?.map((condition) =>
      condition.type.endsWith("Ready") ? { ...condition, status: "False" } : condition,
    );
    await this.#api.patch("pods", { ...placeOf(pod), subresource: "status" }, { status: { conditions } });
  }

  async #end(pod: V1Pod): Promise<void> {
    const uid = uidOf(pod);
    const since = this.#endingSinceMs.get(uid) ?? performance.now();
    this.#endingSinceMs.set(uid, since);
    const replica = this.#pods.get(uid);
    const isLate = performance.now() - since > graceMs;
    if (replica !== undefined && !replica.end(isLate ? "SIGKILL" : "SIGTERM")) return;
    this.#pods.delete(uid);
    await this.#api.remove("pods", placeOf(pod), { gracePeriodSeconds: 0, preconditions: { uid } });
  }

  #address(): string {
    const host = this.#nextAddress++;
    const [a, b, c] = this.#network.split(".").map(Number);
    return `${a}.${b}.${(c! + Math.floor(host / 250)) % 256}.${1 + (host % 250)}`;
  }

  get #namesFile(): string {
    return join(this.#folder, "names.json");
  }

  #writeNames(): void {
    const draft = `${this.#namesFile}.new`;
    writeFileSync(draft, JSON.stringify(Object.fromEntries(this.#names)));
    renameSync(draft, this.#namesFile);
  }
}

function isUp(node: V1Node): boolean {
  return node.status?.conditions?.find(({ type }) => type === "Ready")?.status === "True";
}
