import { KubeConfig } from "@kubernetes/client-node";

export type { KubeConfig };

/** KUBECONFIG, ~/.kube/config, or the service account of the pod. */
export function kubeConfigFromEnvironment(): KubeConfig {
  const config = new KubeConfig();
  config.loadFromDefault();
  return config;
}

export function kubeConfigFromFile(file: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(file);
  return config;
}
