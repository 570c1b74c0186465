import type { AddressInfo, Server } from "node:net";
import { FatalError } from "../errors.ts";

export interface ListenAddress {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/** Starts to listen; `purpose` names the port to people: "clients", "metrics". */
export async function listen(
  server: Server,
  address: ListenAddress,
  purpose: string,
): Promise<ListenAddress> {
  const { host, port } = address;
  await new Promise<void>((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => reject(listenError(error, address, purpose));
    server.once("error", onError);
    server.listen({ host, port }, () => {
      server.off("error", onError);
      resolve();
    });
  });
  return { host, port: (server.address() as AddressInfo).port };
}

function listenError(
  error: NodeJS.ErrnoException,
  { host, port }: ListenAddress,
  purpose: string,
): FatalError {
  const where = `${host}:${port}`;
  switch (error.code) {
    case "EADDRINUSE":
      return new FatalError(
        "addressInUse",
        `${where} for ${purpose} is taken by another process; stop it or choose another port`,
        { cause: error },
      );
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return new FatalError(
        "invalidConfiguration",
        `${where} for ${purpose} is not an address of this machine`,
        {
          cause: error,
        },
      );
    case "EACCES":
      return new FatalError("invalidConfiguration", `${where} for ${purpose} is not allowed to this user`, {
        cause: error,
      });
    default:
      return new FatalError("internal", `cannot listen on ${where} for ${purpose}: ${error.message}`, {
        cause: error,
      });
  }
}
