import { customResourceDefinition } from "@rstore/operator/api/v1alpha1/custom-resource-definition";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ApiServer, startApiServer } from "./api-server.ts";
import { requiredAssets } from "./assets.ts";
import { Kubectl } from "./kubectl.ts";

let api: ApiServer;
let kubectl: Kubectl;

beforeAll(async () => {
  api = await startApiServer(requiredAssets());
  kubectl = new Kubectl(api);
  await kubectl.apply(customResourceDefinition());
  await kubectl.run("wait", "--for=condition=Established", "crd/replicatedstores.rstore.dev");
}, 90_000);

afterAll(() => api?.stop());

function store(name: string, spec: object) {
  return { apiVersion: "rstore.dev/v1alpha1", kind: "ReplicatedStore", metadata: { name }, spec };
}

describe("a ReplicatedStore", () => {
  it("has safe defaults that can be seen", async () => {
    await kubectl.apply(store("defaults", {}));
    const { spec } = await kubectl.get<{ spec: object }>("rstore", "defaults");
    expect(spec).toMatchObject({
      replicas: 3,
      storage: { size: "8Gi", whenScaled: "Retain", whenDeleted: "Retain" },
      raft: { heartbeatIntervalSeconds: 0.1, electionTimeoutSeconds: 1 },
      replacement: { mode: "Automatic", afterSeconds: 300 },
      networkPolicy: { enabled: true },
      drains: { mayInterruptService: false },
      paused: false,
    });
  });

  it.each<[what: string, spec: object, message: RegExp]>([
    ["no replicas", { replicas: 0 }, /spec\.replicas.*greater than or equal to 1/],
    ["more replicas than nine", { replicas: 10 }, /spec\.replicas.*less than or equal to 9/],
    ["a fraction of a replica", { replicas: 2.5 }, /spec\.replicas/],
    ["a version and an image", { version: "1.0.0", image: "x" }, /give version or image, not both/],
    ["a version that is none", { version: "newest" }, /spec\.version/],
    ["a size that is none", { storage: { size: "large" } }, /spec\.storage\.size.*quantity above 0/],
    ["a size of nothing", { storage: { size: 0 } }, /spec\.storage\.size.*quantity above 0/],
    ["a volume too small for a replica", { storage: { size: "1Mi" } }, /storage\.size.*at least 2Mi/],
    ["requests too large to be written", { limits: { requestMax: "65Mi" } }, /requestMax.*at most 64Mi/],
    ["requests that hold no key", { limits: { requestMax: 1024 } }, /requestMax.*at least 4Ki/],
    [
      "a store larger than its volume",
      { storage: { size: "1Gi" }, limits: { storeQuota: "2Gi" } },
      /spec\.limits.*storeQuota must not be greater than storage\.size/,
    ],
    [
      "a request above its limit",
      { resources: { requests: { cpu: "500m", memory: "1Gi" }, limits: { memory: "512Mi" } } },
      /spec\.resources.*request must not be greater than the limit/,
    ],
    [
      "heartbeats that come too late",
      { raft: { heartbeatIntervalSeconds: 4, electionTimeoutSeconds: 30 } },
      /heartbeatIntervalSeconds.*less than or equal to 3/,
    ],
    ["a negative amount", { resources: { requests: { memory: "-1Gi" } } }, /requests.*quantity above 0/],
    ["a policy that is none", { storage: { whenDeleted: "Keep" } }, /supported values: "Retain", "Delete"/],
    [
      "an election within five heartbeats",
      { raft: { electionTimeoutSeconds: 0.4 } },
      /electionTimeoutSeconds must be at least five times heartbeatIntervalSeconds/,
    ],
    ["a field that does not exist", { replicaz: 3 }, /spec\.replicaz: field not declared in schema/],
    [
      "a toleration with a wrong effect",
      { scheduling: { tolerations: [{ effect: "Never" }] } },
      /tolerations\[0\]\.effect/,
    ],
    [
      "a label of the operator's own",
      { pod: { labels: { "app.kubernetes.io/name": "x" } } },
      /set by the operator/,
    ],
    ["a deadline of years", { catchUpDeadlineSeconds: 1e9 }, /catchUpDeadlineSeconds/],
  ])("is refused with %s, and told why", async (_what, spec, message) => {
    await expect(kubectl.apply(store("refused", spec))).rejects.toThrow(message);
  });

  it.each<[what: string, spec: object]>([
    ["a request as large as its limit", { resources: { requests: { cpu: "1" }, limits: { cpu: "1000m" } } }],
    [
      "a request without a limit, and a limit without a request",
      { resources: { requests: { cpu: 1 }, limits: { memory: "1Gi" } } },
    ],
    ["the largest and the smallest of its limits", { limits: { requestMax: "64Mi", storeQuota: "1Mi" } }],
  ])("is accepted with %s", async (_what, spec) => {
    await kubectl.apply(store("accepted", spec));
    await kubectl.run("delete", "rstore", "accepted");
  });

  it.each([
    ["a digit at its beginning", "1store"],
    ["a dot", "a.b"],
    ["more than 50 characters", "a".repeat(51)],
  ])("is refused with a name of %s", async (_what, name) => {
    await expect(kubectl.apply(store(name, {}))).rejects.toThrow(/pods and Services are named after it/);
  });

  it("keeps the size and the class of its volumes", async () => {
    await kubectl.apply(store("volumes", { storage: { size: "1Gi" } }));
    await expect(kubectl.apply(store("volumes", { storage: { size: "2Gi" } }))).rejects.toThrow(
      /can't be changed yet/,
    );
    const withClass = store("volumes", { storage: { size: "1Gi", storageClassName: "fast" } });
    await expect(kubectl.apply(withClass)).rejects.toThrow(/storage class can't be changed yet/);
    await kubectl.apply(store("volumes", { replicas: 5, storage: { size: "1Gi" } }));
  });

  it("is scaled by kubectl scale, which tells the autoscalers the pods' selector", async () => {
    await kubectl.apply(store("scaled", {}));
    await kubectl.run("scale", "rstore/scaled", "--replicas=5");
    const { spec } = await kubectl.get<{ spec: { replicas: number } }>("rstore", "scaled");
    expect(spec.replicas).toBe(5);
    const scale = JSON.parse(
      await kubectl.run(
        "get",
        "--raw",
        "/apis/rstore.dev/v1alpha1/namespaces/default/replicatedstores/scaled/scale",
      ),
    ) as { spec: object };
    expect(scale.spec).toEqual({ replicas: 5 });
    await expect(kubectl.run("scale", "rstore/scaled", "--replicas=11")).rejects.toThrow(
      /less than or equal to 9/,
    );
  });

  it("shows what matters in a line", async () => {
    const [header] = (await kubectl.run("get", "rstore")).split("\n");
    expect(header?.trim().split(/\s+/)).toEqual(["NAME", "READY", "LEADER", "VERSION", "STATUS", "AGE"]);
  });

  it("explains each of its fields", async () => {
    const text = await kubectl.run("explain", "rstore.spec.storage.whenDeleted");
    expect(text).toContain("What becomes of all claims when the resource is deleted");
  });
});
