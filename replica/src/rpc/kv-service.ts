import type { ConnectRouter } from "@connectrpc/connect";
import { KvService } from "@rstore/proto/rstore/v1/kv";
import { answerCall, type ServiceOptions } from "./call-context.ts";
import type { KvCalls } from "./kv-calls.ts";

export function kvRoutes(calls: KvCalls, options: ServiceOptions): (router: ConnectRouter) => void {
  return (router) => {
    router.service(KvService, {
      put: (request, context) => answerCall(context, options, (deadline) => calls.put(request, deadline)),
      get: (request, context) => answerCall(context, options, (deadline) => calls.get(request, deadline)),
      range: (request, context) => answerCall(context, options, (deadline) => calls.range(request, deadline)),
      delete: (request, context) =>
        answerCall(context, options, (deadline) => calls.delete(request, deadline)),
      compact: (request, context) =>
        answerCall(context, options, (deadline) => calls.compact(request, deadline)),
      batch: (request, context) => answerCall(context, options, (deadline) => calls.batch(request, deadline)),
    });
  };
}
