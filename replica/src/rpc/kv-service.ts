import type { ConnectRouter } from "@connectrpc/connect";
import { KvService } from "@rstore/proto/rstore/v1/kv";
import { answerCall, type ServiceOptions } from "./call-context.ts";
import type { KvCalls } from "./kv-calls.ts";

export function kvRoutes(calls: KvCalls, options: ServiceOptions): (router: ConnectRouter) => void {
  return (router) => {
    router.service(KvService, {
      put: (request, context) => answerCall(context, options, (_, call) => calls.put(request, call)),
      get: (request, context) => answerCall(context, options, (_, call) => calls.get(request, call)),
      range: (request, context) => answerCall(context, options, (_, call) => calls.range(request, call)),
      delete: (request, context) => answerCall(context, options, (_, call) => calls.delete(request, call)),
      compact: (request, context) => answerCall(context, options, (_, call) => calls.compact(request, call)),
      batch: (request, context) => answerCall(context, options, (_, call) => calls.batch(request, call)),
    });
  };
}
