import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { createWriteStream, readFileSync, writeFileSync } from "node:fs";
import { Agent, get } from "node:https";
import { join } from "node:path";
import { eventually } from "../cluster/eventually.ts";
import { freePort } from "../cluster/ports.ts";
import { scratchDirectory, watchProcess } from "../cluster/reaper.ts";

/** A Kubernetes API server with its etcd: no nodes, no controllers; what is stored is what was sent. */
export interface ApiServer {
  readonly url: string;
  /** A kubeconfig of an administrator. */
  readonly kubeconfig: string;
  readonly kubectl: string;
  stop(): Promise<void>;
}

export const administratorToken = "test-administrator";

export async function startApiServer(assets: string): Promise<ApiServer> {
  const folder = scratchDirectory("kube");
  const [etcdPort, peerPort, port] = [await freePort(), await freePort(), await freePort()];
  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  const peerUrl = `http://127.0.0.1:${peerPort}`;
  const etcd = run(assets, "etcd", folder, [
    `--data-dir=${join(folder, "etcd")}`,
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
    "--unsafe-no-fsync",
  ]);
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const keyFile = join(folder, "service-accounts.pem");
  writeFileSync(keyFile, privateKey.export({ type: "pkcs1", format: "pem" }));
  const tokenFile = join(folder, "tokens.csv");
  writeFileSync(tokenFile, `${administratorToken},administrator,administrator,"system:masters"\n`);
  const server = run(assets, "kube-apiserver", folder, [
    `--etcd-servers=${etcdUrl}`,
    `--cert-dir=${join(folder, "certificates")}`,
    "--bind-address=127.0.0.1",
    `--secure-port=${port}`,
    "--service-cluster-ip-range=10.0.0.0/24",
    "--service-account-issuer=https://kubernetes.default.svc",
    `--service-account-key-file=${keyFile}`,
    `--service-account-signing-key-file=${keyFile}`,
    `--token-auth-file=${tokenFile}`,
    "--authorization-mode=RBAC",
    "--disable-admission-plugins=ServiceAccount",
    // On in some distributions: who makes a dependent must be allowed to hold up its owner's deletion.
    "--enable-admission-plugins=OwnerReferencesPermissionEnforcement",
    "--endpoint-reconciler-type=none",
  ]);
  const url = `https://127.0.0.1:${port}`;
  const kubeconfig = join(folder, "kubeconfig");
  writeFileSync(kubeconfig, kubeconfigOf(url));
  await eventually("the API server to be ready", () => isReady(url, server, folder), { timeoutMs: 60_000 });
  return {
    url,
    kubeconfig,
    kubectl: join(assets, "kubectl"),
    async stop() {
      for (const process of [server, etcd]) await ended(process);
    },
  };
}

function run(assets: string, name: string, folder: string, flags: readonly string[]): ChildProcess {
  const output = createWriteStream(join(folder, `${name}.log`));
  const child = spawn(join(assets, name), flags, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  child.stdout?.pipe(output);
  child.stderr?.pipe(output);
  if (child.pid !== undefined) watchProcess(child.pid);
  return child;
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
  });
}

async function isReady(url: string, server: ChildProcess, folder: string): Promise<boolean> {
  if (server.exitCode !== null) {
    const log = readFileSync(join(folder, "kube-apiserver.log"), "utf8").slice(-2000);
    throw new Error(`kube-apiserver ended with ${server.exitCode}: ${log}`);
  }
  return new Promise((resolve) => {
    // Its certificate was drawn a moment ago, by itself.
    const agent = new Agent({ rejectUnauthorized: false });
    get(`${url}/readyz`, { agent, headers: { authorization: `Bearer ${administratorToken}` } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    }).on("error", () => resolve(false));
  });
}

function kubeconfigOf(server: string): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster: { server, "insecure-skip-tls-verify": true } }],
    users: [{ name: "administrator", user: { token: administratorToken } }],
    contexts: [{ name: "test", context: { cluster: "test", user: "administrator" } }],
    "current-context": "test",
  });
}
