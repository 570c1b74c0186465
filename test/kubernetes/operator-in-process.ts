import { randomUUID } from "node:crypto";
import { Operator } from "@rstore/operator/controller/operator";
import { kubeConfigFromFile } from "@rstore/operator/kube/kube-config";
import { createLogger } from "@rstore/operator/log";
import type { Settings } from "@rstore/operator/settings";
import type { ApiProxy } from "./api-proxy.ts";

export interface InProcessOptions {
  readonly namespace: string;
  readonly kubeconfig: string;
  /** Its own, and its only way to the API server. */
  readonly proxy: ApiProxy;
  readonly logFile: string;
}

/**
 * An operator inside the process of the tests, which begins within milliseconds. To cut it off from the API
 * server for ever, before an answer is given, is as good as a SIGKILL at that point: every turn begins with a
 * read, and goes on from one step to the next with an answer.
 */
export class OperatorInProcess {
  readonly proxy: ApiProxy;
  readonly #operator: Operator;

  constructor({ namespace, kubeconfig, proxy, logFile }: InProcessOptions) {
    this.proxy = proxy;
    const settings: Settings = {
      namespaces: [namespace],
      replicaRepository: "rstore-replica",
      replicaVersion: "0.1.0",
      leaderElect: false,
      leaseName: "rstore",
      leaseSeconds: 15,
      podNamespace: namespace,
      podName: `operator-${randomUUID()}`,
      instance: "rstore",
      listen: { host: "127.0.0.1", port: 0 },
      workers: 1,
      logLevel: "debug",
    };
    this.#operator = new Operator({
      config: kubeConfigFromFile(kubeconfig),
      settings,
      log: createLogger("debug", logFile),
      lost: () => {},
    });
  }

  start(): Promise<void> {
    return this.#operator.start();
  }

  /** Takes its way to the API server away, and then clears up after it. */
  async cut(): Promise<void> {
    await this.proxy.stop();
    await this.#operator.stop();
  }
}
