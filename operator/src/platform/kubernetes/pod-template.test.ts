import { describe, expect, it } from "vitest";
import type { ReplicatedStoreSpec } from "../../api/v1alpha1/types.ts";
import { memberIn } from "./names.ts";
import { buildPodTemplate } from "./pod-template.ts";
import { storeFrom } from "./store.ts";

const image = "rstore-replica:1.0.0";

function build(spec: ReplicatedStoreSpec, ofImage = image) {
  const metadata = { name: "demo", namespace: "shop", uid: "u-1" };
  const { template, hash } = buildPodTemplate(
    storeFrom({ apiVersion: "rstore.dev/v1alpha1", kind: "ReplicatedStore", metadata, spec }),
    ofImage,
  );
  const { labels, ...others } = template.metadata ?? {};
  const { "rstore.dev/template-hash": marked, ...unmarked } = labels ?? {};
  return { hash, marked, template: { ...template, metadata: { ...others, labels: unmarked } } };
}

const edits: Readonly<Record<string, ReplicatedStoreSpec>> = {
  imagePullPolicy: { imagePullPolicy: "Always" },
  imagePullSecrets: { imagePullSecrets: [{ name: "registry" }] },
  labels: { pod: { labels: { team: "blue" } } },
  annotations: { pod: { annotations: { note: "x" } } },
  affinity: { scheduling: { affinity: { nodeAffinity: {} } } },
  nodeSelector: { scheduling: { nodeSelector: { disk: "fast" } } },
  tolerations: { scheduling: { tolerations: [{ operator: "Exists" }] } },
  priorityClassName: { scheduling: { priorityClassName: "high" } },
  topologySpreadConstraints: { scheduling: { topologySpreadConstraints: [] } },
  resources: { resources: { requests: { cpu: "1" } } },
  raft: { raft: { heartbeatIntervalSeconds: 0.2, electionTimeoutSeconds: 2 } },
  "the size of the volume, by the quota": { storage: { size: "2Gi" } },
  storeQuota: { limits: { storeQuota: "100Mi" } },
  requestMax: { limits: { requestMax: "1Mi" } },
  connectionsMax: { limits: { connectionsMax: 10 } },
  "compaction by revisions": { compaction: { keepRevisions: 10 } },
  "compaction by age": { compaction: { keepSeconds: 10 } },
  logLevel: { logLevel: "debug" },
  tracing: { tracing: { endpoint: "http://collector:4318/v1/traces" } },
  "the share that is traced": { tracing: { endpoint: "http://collector:4318", sampleRatio: 1 } },
};

describe("the hash of the pods' template", () => {
  const plain = build({});

  it("is marked on the template", () => expect(plain.marked).toBe(plain.hash));

  it.each(Object.entries(edits))("changes with %s", (_, spec) => {
    const edited = build(spec);
    expect(edited.template, "it shows in the pod").not.toEqual(plain.template);
    expect(edited.hash).not.toBe(plain.hash);
  });

  it("changes with the image", () => {
    expect(build({}, "rstore-replica:1.0.1").hash).not.toBe(plain.hash);
  });

  it("does not change with what shows in no pod", () => {
    const edited = build({
      replicas: 5,
      paused: true,
      catchUpDeadlineSeconds: 7,
      replacement: { mode: "Manual" },
    });
    expect(edited.hash).toBe(plain.hash);
  });

  // Other hashes restart the pods of every store as soon as its operator is upgraded.
  it("is what earlier versions found for the same spec (E15)", () => {
    expect(plain.hash).toBe("c6a97af9634657bb");
    expect(build({ ...edits.resources, ...edits.tolerations, ...edits.compaction }).hash).toBe(
      "1dd3782fecc339a8",
    );
  });
});

it("a replica is told to call itself what the operator expects in its slot, or it counts as a stranger (E5)", () => {
  const { env = [] } = build({}).template.spec!.containers[0]!;
  const told = (name: string) => env.find((variable) => variable.name === name);
  const expected = memberIn({ name: "demo", namespace: "shop" }, 2);
  expect(told("RSTORE_NAME")?.valueFrom?.fieldRef?.fieldPath).toBe("metadata.name");
  expect(told("RSTORE_PEER_ADVERTISE")?.value?.replace("$(RSTORE_NAME)", "demo-2")).toBe(expected.peerUrl);
  expect(expected.name).toBe("demo-2");
});
