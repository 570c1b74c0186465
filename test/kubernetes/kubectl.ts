import { spawn } from "node:child_process";

/** kubectl against one cluster. Every call rejects with what kubectl wrote. */
export class Kubectl {
  readonly #program: string;
  readonly #kubeconfig: string;

  constructor({ kubectl, kubeconfig }: { readonly kubectl: string; readonly kubeconfig: string }) {
    this.#program = kubectl;
    this.#kubeconfig = kubeconfig;
  }

  run(...args: readonly string[]): Promise<string> {
    return this.#run(args, undefined);
  }

  async apply(object: object): Promise<void> {
    await this.#run(
      ["apply", "--server-side", "--force-conflicts", "--validate=strict", "-f", "-"],
      JSON.stringify(object),
    );
  }

  /** As `kubectl apply -f -`, of YAML or JSON. */
  async applyText(text: string, ...flags: readonly string[]): Promise<string> {
    return this.#run(["apply", "--server-side", "--force-conflicts", ...flags, "-f", "-"], text);
  }

  /** YAML as JSON. */
  async parse<T>(yaml: string): Promise<T> {
    const flags = ["create", "--dry-run=client", "--validate=false", "-o", "json", "-f", "-"];
    return JSON.parse(await this.#run(flags, yaml)) as T;
  }

  async get<T>(kind: string, name: string, namespace = "default"): Promise<T> {
    return JSON.parse(await this.run("get", kind, name, "-n", namespace, "-o", "json")) as T;
  }

  #run(args: readonly string[], input: string | undefined): Promise<string> {
    const child = spawn(this.#program, [`--kubeconfig=${this.#kubeconfig}`, ...args], { stdio: "pipe" });
    let output = "";
    let errors = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      errors += chunk.toString();
    });
    child.stdin.end(input ?? "");
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => {
        if (code === 0) resolve(output);
        else reject(new Error(`kubectl ${args.join(" ")}: ${errors.trim()}`));
      });
    });
  }
}
