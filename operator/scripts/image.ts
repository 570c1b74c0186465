/**
 * Builds the container images of replica and operator with docker, podman or buildah, whichever is there.
 * `npm run image -- --help`
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError } from "commander";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };

const images = ["replica", "operator"] as const;
const builders = ["docker", "podman", "buildah"] as const;
type Builder = (typeof builders)[number];

const options = new Command("npm run image --")
  .description("Builds the images rstore-replica and rstore-operator from the sources of this checkout.")
  .option("--tag <tag>", "tag of both images", version)
  .option("--registry <prefix>", "put before the names, such as registry.example/team", "")
  .option("--base-image <image>", "a Node.js image with glibc", "docker.io/library/node:26-slim")
  .option("--archives <folder>", "also write docker archives there, for `kind load image-archive`")
  .option("--builder <name>", `one of ${builders.join(", ")} (default: the first that is there)`, builderOf)
  .option("--no-pull", "use the base image that is there, without asking its registry")
  .parse()
  .opts<{
    tag: string;
    registry: string;
    baseImage: string;
    archives?: string;
    builder?: Builder;
    pull: boolean;
  }>();

function builderOf(name: string): Builder {
  const builder = builders.find((candidate) => candidate === name);
  if (builder === undefined) throw new InvalidArgumentError(`it is one of ${builders.join(", ")}`);
  return builder;
}

function isThere(builder: Builder): boolean {
  // A docker client without a daemon can't build.
  return (
    spawnSync(builder, builder === "docker" ? ["info"] : ["--version"], { stdio: "ignore" }).status === 0
  );
}

function run(command: string, ...args: string[]): void {
  console.log(`$ ${command} ${args.join(" ")}`);
  execFileSync(command, args, { cwd: root, stdio: "inherit" });
}

function revision(): string {
  const result = spawnSync("git", ["rev-parse", "HEAD"], { cwd: root, encoding: "utf8" });
  return result.status === 0 ? result.stdout.trim() : "unknown";
}

function buildImage(builder: Builder, name: string, image: string): void {
  const { baseImage, pull } = options;
  run(
    builder,
    ...(builder === "buildah" ? ["bud"] : ["build"]),
    ...(pull || builder === "docker" ? [] : ["--pull=never"]),
    ...["--build-arg", `BASE_IMAGE=${baseImage}`],
    ...["--build-arg", `VERSION=${version}`, "--build-arg", `REVISION=${revision()}`],
    ...["--file", `${name}/Dockerfile`, "--tag", image, "."],
  );
}

function writeArchive(builder: Builder, image: string, file: string): void {
  rmSync(file, { force: true });
  if (builder === "buildah") run("buildah", "push", image, `docker-archive:${file}:${image}`);
  else run(builder, "save", "--output", file, image);
}

const builder = options.builder ?? builders.find(isThere);
if (builder === undefined) {
  console.error(`none of ${builders.join(", ")} works here: install one of them`);
  process.exit(69);
}
// What podman names localhost/rstore-replica, the pods of a cluster would look for in vain.
const registry = options.registry === "" && builder === "podman" ? "docker.io/library" : options.registry;
const prefix = registry === "" ? "" : `${registry.replace(/\/$/, "")}/`;
run("npm", "run", "build");
const archives =
  options.archives === undefined ? undefined : resolve(process.env.INIT_CWD ?? root, options.archives);
if (archives !== undefined) mkdirSync(archives, { recursive: true });
for (const name of images) {
  const image = `${prefix}rstore-${name}:${options.tag}`;
  buildImage(builder, name, image);
  if (archives !== undefined) writeArchive(builder, image, join(archives, `rstore-${name}.tar`));
}
