import { join } from "node:path";
import { customResourceDefinition } from "@rstore/operator/api/v1alpha1/custom-resource-definition";
import { AdminApi } from "./admin-api.ts";
import { type ApiServer, startApiServer } from "./api-server.ts";
import { requiredAssets } from "./assets.ts";
import { Kubectl } from "./kubectl.ts";
import { buildPrograms, type Programs } from "./programs.ts";
import { StandIn } from "./stand-in/stand-in.ts";
import { UsedRights } from "./used-rights.ts";

export const nodes = ["node-a", "node-b", "node-c"] as const;

/** An API server with the resource, and what stands in for the rest of Kubernetes. */
export class World {
  readonly server: ApiServer;
  readonly admin: AdminApi;
  readonly kubectl: Kubectl;
  readonly programs: Programs;
  readonly standIn: StandIn;
  /** Of all operators. */
  readonly rights = new UsedRights();

  private constructor(server: ApiServer, programs: Programs) {
    this.server = server;
    this.programs = programs;
    this.admin = new AdminApi(server);
    this.kubectl = new Kubectl(server);
    this.standIn = new StandIn(this.admin, programs.replica);
  }

  static async start(): Promise<World> {
    const [server, programs] = await Promise.all([startApiServer(requiredAssets()), buildPrograms()]);
    const world = new World(server, programs);
    await world.kubectl.apply(customResourceDefinition());
    await world.kubectl.run("wait", "--for=condition=Established", "crd/replicatedstores.rstore.dev");
    await world.standIn.start(nodes);
    return world;
  }

  /** Where the logs of operators and replicas are. */
  get logs(): string {
    return this.standIn.folder;
  }

  logFile(name: string): string {
    return join(this.logs, `${name}.log`);
  }

  async stop(): Promise<void> {
    await this.standIn.stop();
    this.admin.close();
    await this.server.stop();
  }
}
