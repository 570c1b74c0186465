/** What the tests are told about the cluster that they run against. */
export interface Environment {
  readonly kubeconfig: string;
  /** Images that every node has, or can pull. */
  readonly replicaImage: ImageName;
  readonly operatorImage: ImageName;
  /** What is installed first, and upgraded to this checkout's. */
  readonly before: Before;
  /** Volumes that can be attached on any node, and volumes that stay on theirs. */
  readonly sharedClass: string;
  readonly localClass: string;
  /** Program that understands `cut N`, `heal N`, `kill-node N`, `start-node N`, `lose-node N`, from 1. */
  readonly nodeFaults: string | undefined;
  /** Also what takes longer than fits into a CI run. */
  readonly all: boolean;
}

export interface ImageName {
  readonly repository: string;
  readonly tag: string;
}

export interface Before {
  /** Folder of the chart; undefined: this checkout's under another version. */
  readonly chart: string | undefined;
  readonly replicaImage: ImageName;
  readonly operatorImage: ImageName;
}

export function clusterEnvironment(): Environment {
  const replica = required("RSTORE_IMAGE_REPLICA", "the replica's image, with a tag");
  const operator = required("RSTORE_IMAGE_OPERATOR", "the operator's image, with a tag");
  return {
    kubeconfig: required("KUBECONFIG", "the cluster to test against"),
    replicaImage: imageName(replica),
    operatorImage: imageName(operator),
    before: {
      chart: process.env.RSTORE_CHART_BEFORE,
      replicaImage: imageName(process.env.RSTORE_IMAGE_REPLICA_BEFORE ?? otherName(replica)),
      operatorImage: imageName(process.env.RSTORE_IMAGE_OPERATOR_BEFORE ?? otherName(operator)),
    },
    sharedClass: process.env.RSTORE_STORAGE_CLASS ?? "standard",
    localClass: process.env.RSTORE_STORAGE_CLASS_LOCAL ?? "local",
    nodeFaults: process.env.RSTORE_NODE_FAULTS,
    all: process.env.RSTORE_CLUSTER_ALL !== undefined,
  };
}

function required(name: string, what: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`${name} is not set: it names ${what}`);
  return value;
}

export function imageText({ repository, tag }: ImageName): string {
  return `${repository}:${tag}`;
}

function imageName(image: string): ImageName {
  const colon = image.lastIndexOf(":");
  if (colon < 0 || image.includes("/", colon)) throw new Error(`${image} has no tag`);
  return { repository: image.slice(0, colon), tag: image.slice(colon + 1) };
}

/** The same image by its whole name: other text in the pod's template, and nothing to pull. */
function otherName(image: string): string {
  if (image.startsWith("docker.io/"))
    throw new Error(`name ${image} shorter, or give the images of an earlier version`);
  return image.includes("/") ? `docker.io/${image}` : `docker.io/library/${image}`;
}
