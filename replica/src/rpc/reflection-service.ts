import type { DescService } from "@bufbuild/protobuf";
import { Code, type ConnectRouter } from "@connectrpc/connect";
import { ServerReflection, type ServerReflectionRequest } from "@rstore/proto/grpc/reflection/v1/reflection";
import {
  ServerReflection as ServerReflectionAlpha,
  type ServerReflectionRequest as ServerReflectionRequestAlpha,
} from "@rstore/proto/grpc/reflection/v1alpha/reflection";
import { ReflectionIndex } from "./reflection-index.ts";

type Question = (ServerReflectionRequest | ServerReflectionRequestAlpha)["messageRequest"];

/** gRPC server reflection for the services that a port serves, itself among them. */
export function reflectionRoutes(services: readonly DescService[]): (router: ConnectRouter) => void {
  const index = new ReflectionIndex([...services, ServerReflection, ServerReflectionAlpha]);
  return (router) => {
    router.service(ServerReflection, {
      async *serverReflectionInfo(requests) {
        const sent = new Set<string>();
        for await (const originalRequest of requests) {
          const messageResponse = answer(index, originalRequest.messageRequest, sent);
          yield { validHost: originalRequest.host, originalRequest, messageResponse };
        }
      },
    });
    router.service(ServerReflectionAlpha, {
      async *serverReflectionInfo(requests) {
        const sent = new Set<string>();
        for await (const originalRequest of requests) {
          const messageResponse = answer(index, originalRequest.messageRequest, sent);
          yield { validHost: originalRequest.host, originalRequest, messageResponse };
        }
      },
    });
  };
}

/** The two versions of the protocol differ in nothing but their package. */
function answer(index: ReflectionIndex, question: Question, sent: Set<string>) {
  switch (question.case) {
    case "fileByFilename":
      return fileAnswer(index, question.value, sent) ?? notFound(`file ${question.value}`);
    case "fileContainingSymbol": {
      const file = index.fileNameOfSymbol(question.value);
      return fileAnswer(index, file, sent) ?? notFound(`symbol ${question.value}`);
    }
    case "fileContainingExtension":
      return notFound(`extension ${question.value.extensionNumber} of ${question.value.containingType}`);
    case "allExtensionNumbersOfType": {
      if (!index.isMessage(question.value)) return notFound(`message ${question.value}`);
      const value = { baseTypeName: question.value, extensionNumber: [] };
      return { case: "allExtensionNumbersResponse", value } as const;
    }
    case "listServices": {
      const value = { service: index.serviceNames.map((name) => ({ name })) };
      return { case: "listServicesResponse", value } as const;
    }
    case undefined: {
      const value = { errorCode: Code.InvalidArgument, errorMessage: "the request asks nothing" };
      return { case: "errorResponse", value } as const;
    }
  }
}

function fileAnswer(index: ReflectionIndex, file: string | undefined, sent: Set<string>) {
  const fileDescriptorProto = file === undefined ? undefined : index.filesFrom(file, sent);
  return fileDescriptorProto && ({ case: "fileDescriptorResponse", value: { fileDescriptorProto } } as const);
}

function notFound(what: string) {
  const value = { errorCode: Code.NotFound, errorMessage: `${what} is not known to this replica` };
  return { case: "errorResponse", value } as const;
}
