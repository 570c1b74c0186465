/** What the tests are told about the cluster that they run against. */
export interface Environment {
  readonly kubeconfig: string;
  /** Images that every node has, or can pull. */
  readonly replicaImage: ImageName;
  readonly operatorImage: ImageName;
  /** Another name of an image of the replica: rolled through. */
  readonly nextReplicaImage: string;
  readonly nextOperatorImage: ImageName;
  /** Volumes that can be attached on any node, and volumes that stay on theirs. */
  readonly sharedClass: string;
  readonly localClass: string;
  /** Program that understands `cut N`, `heal N`, `kill-node N`, `start-node N`, `lose-node N`, from 1. */
  readonly nodeFaults: string | undefined;
}

export interface ImageName {
  readonly repository: string;
  readonly tag: string;
}

export function clusterEnvironment(): Environment {
  const replica = required("RSTORE_IMAGE_REPLICA", "the replica's image, with a tag");
  const operator = required("RSTORE_IMAGE_OPERATOR", "the operator's image, with a tag");
  return {
    kubeconfig: required("KUBECONFIG", "the cluster to test against"),
    replicaImage: imageName(replica),
    operatorImage: imageName(operator),
    nextReplicaImage: process.env.RSTORE_IMAGE_REPLICA_NEXT ?? otherName(replica),
    nextOperatorImage: imageName(process.env.RSTORE_IMAGE_OPERATOR_NEXT ?? otherName(operator)),
    sharedClass: process.env.RSTORE_STORAGE_CLASS ?? "standard",
    localClass: process.env.RSTORE_STORAGE_CLASS_LOCAL ?? "local",
    nodeFaults: process.env.RSTORE_NODE_FAULTS,
  };
}

function required(name: string, what: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`${name} is not set: it names ${what}`);
  return value;
}

function imageName(image: string): ImageName {
  const colon = image.lastIndexOf(":");
  if (colon < 0 || image.includes("/", colon)) throw new Error(`${image} has no tag`);
  return { repository: image.slice(0, colon), tag: image.slice(colon + 1) };
}

/** The same image by its whole name: other text in the pod's template, and nothing to pull. */
function otherName(image: string): string {
  if (image.startsWith("docker.io/")) throw new Error(`name ${image} shorter, or give a second image`);
  return image.includes("/") ? `docker.io/${image}` : `docker.io/library/${image}`;
}
