/** Loaded into replicas by `--import`: the names of pods lead to their addresses, as cluster DNS has them. */
import dns from "node:dns";
import { readFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const file = process.env.RSTORE_TEST_POD_NAMES;
const lookup = dns.lookup;

type Callback = (error: NodeJS.ErrnoException | null, ...answer: unknown[]) => void;

function lookupPod(name: string, ...rest: unknown[]): void {
  const callback = rest.at(-1) as Callback;
  const options = rest.length > 1 ? rest[0] : {};
  if (file === undefined || !name.endsWith(".svc")) {
    Reflect.apply(lookup, dns, [name, ...rest]);
    return;
  }
  const address = (JSON.parse(readFileSync(file, "utf8")) as Record<string, string>)[name];
  const all = typeof options === "object" && options !== null && "all" in options && options.all === true;
  setImmediate(() => {
    if (address === undefined) {
      callback(
        Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: "ENOTFOUND", hostname: name }),
      );
    } else if (all) callback(null, [{ address, family: 4 }]);
    else callback(null, address, 4);
  });
}

dns.lookup = lookupPod as typeof dns.lookup;
syncBuiltinESMExports();
