import { execFileSync } from "node:child_process";
import { watchNamespace } from "../cluster/reaper.ts";

function run(command: string, args: readonly string[], input?: string): string {
  return execFileSync(command, args, {
    encoding: "utf8",
    stdio: ["pipe", "pipe", "pipe"],
    input: input ?? "",
  });
}

/** Why namespaces can't be had on this machine; undefined when they can. */
export function whyNoNamespaces(): string | undefined {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  if (process.getuid?.() !== 0) return "it needs root";
  const probe = `rsp${process.pid}`;
  try {
    run("ip", ["netns", "add", probe]);
  } catch {
    return "`ip netns add` does not work here (iproute2 missing, or no CAP_SYS_ADMIN)";
  }
  try {
    run("ip", ["netns", "exec", probe, "nft", "add", "table", "inet", "probe"]);
    return undefined;
  } catch {
    return "`nft` does not work here (nftables missing, or no support in the kernel)";
  } finally {
    run("ip", ["netns", "del", probe]);
  }
}

/**
 * Hosts as network namespaces on one bridge, which is in a namespace of its own: nothing of it is seen
 * outside. Packets are dropped by nftables at the host that would send or receive them.
 */
export class Network {
  readonly #prefix = `rs${process.pid.toString(36)}${Math.floor(Math.random() * 1296).toString(36)}`;
  readonly #hosts: string[] = [];
  readonly #switch: string;

  constructor() {
    this.#switch = this.#add("sw");
    this.#in(this.#switch, "ip link add bridge0 type bridge");
    this.#in(this.#switch, "ip link set bridge0 up");
  }

  /** One more host with an address of its own. */
  addHost(name: string): void {
    const namespace = this.#add(name);
    const port = `port${this.#hosts.push(name)}`;
    this.#in(this.#switch, `ip link add ${port} type veth peer name eth0 netns ${namespace}`);
    this.#in(this.#switch, `ip link set ${port} master bridge0 up`);
    this.#in(namespace, `ip address add ${this.address(name)}/24 dev eth0`);
    this.#in(namespace, "ip link set eth0 up");
    this.#in(namespace, "ip link set lo up");
  }

  address(name: string): string {
    return `10.99.0.${this.#hosts.indexOf(name) + 1}`;
  }

  namespaceOf(name: string): string {
    return `${this.#prefix}${name}`;
  }

  /** What `from` sends to `to` is dropped at `to`. */
  drop(from: string, to: string): void {
    const namespace = this.namespaceOf(to);
    this.#nft(
      namespace,
      `add table inet cut
       add chain inet cut input { type filter hook input priority 0; policy accept; }
       add rule inet cut input ip saddr ${this.address(from)} drop`,
    );
  }

  isolate(name: string): void {
    for (const other of this.#hosts) {
      if (other === name) continue;
      this.drop(name, other);
      this.drop(other, name);
    }
  }

  heal(): void {
    for (const name of this.#hosts)
      this.#nft(this.namespaceOf(name), "add table inet cut\ndelete table inet cut");
  }

  close(): void {
    for (const name of ["sw", ...this.#hosts]) {
      try {
        run("ip", ["netns", "del", this.namespaceOf(name)]);
      } catch {
        // The others are to go too.
      }
    }
  }

  #add(name: string): string {
    const namespace = this.namespaceOf(name);
    watchNamespace(namespace);
    run("ip", ["netns", "add", namespace]);
    return namespace;
  }

  #in(namespace: string, command: string): string {
    return run("ip", ["netns", "exec", namespace, ...command.split(" ")]);
  }

  #nft(namespace: string, rules: string): void {
    run("ip", ["netns", "exec", namespace, "nft", "-f", "-"], `${rules}\n`);
  }
}
