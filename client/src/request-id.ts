import { randomBytes } from "node:crypto";

const form = /^[A-Za-z0-9._:/+=@-]{1,64}$/;

/** What replicas take as the id of a request. */
export function isRequestId(id: string): boolean {
  return form.test(id);
}

const prefix = randomBytes(5).toString("hex");
let made = 0;

/** A new id in each process and at each call, by which a request is found in the logs of replicas. */
export function nextRequestId(): string {
  made++;
  return `${prefix}-${made.toString(36)}`;
}
