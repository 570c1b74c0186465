/** The folder with kube-apiserver, etcd and kubectl, by the variable that users of `setup-envtest` know. */
export function requiredAssets(): string {
  const assets = process.env.KUBEBUILDER_ASSETS;
  if (assets === undefined || assets === "") {
    throw new Error(
      "KUBEBUILDER_ASSETS is not set: it names a folder with kube-apiserver, etcd and kubectl " +
        "(setup-envtest use -p path prints one)",
    );
  }
  return assets;
}
