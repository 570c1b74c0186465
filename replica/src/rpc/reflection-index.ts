import type { DescEnum, DescFile, DescMessage, DescService } from "@bufbuild/protobuf";
import { toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";

interface IndexedFile {
  readonly file: DescFile;
  /** Serialized FileDescriptorProto. */
  readonly bytes: Uint8Array;
}

/** Files by name and by every symbol that they declare; built once from the services that are served. */
export class ReflectionIndex {
  readonly serviceNames: readonly string[];
  readonly #files = new Map<string, IndexedFile>();
  readonly #symbols = new Map<string, string>();
  readonly #messages = new Set<string>();

  constructor(services: readonly DescService[]) {
    this.serviceNames = services.map((service) => service.typeName).sort();
    for (const service of services) this.#addFile(service.file);
  }

  fileNameOfSymbol(symbol: string): string | undefined {
    return this.#symbols.get(symbol);
  }

  isMessage(typeName: string): boolean {
    return this.#messages.has(typeName);
  }

  /**
   * A file and everything that it imports, the file first; without those in `sent`, to which they are added.
   * Undefined when there is no such file.
   */
  filesFrom(name: string, sent: Set<string>): Uint8Array[] | undefined {
    const wanted = this.#files.get(name);
    if (!wanted) return undefined;
    const answer: Uint8Array[] = [wanted.bytes];
    sent.add(name);
    const waiting = [...wanted.file.dependencies];
    for (let file = waiting.pop(); file; file = waiting.pop()) {
      const dependency = fileName(file);
      if (sent.has(dependency)) continue;
      sent.add(dependency);
      answer.push(this.#files.get(dependency)!.bytes);
      waiting.push(...file.dependencies);
    }
    return answer;
  }

  #addFile(file: DescFile): void {
    const name = fileName(file);
    if (this.#files.has(name)) return;
    this.#files.set(name, { file, bytes: toBinary(FileDescriptorProtoSchema, file.proto) });
    for (const message of file.messages) this.#addMessage(message, name);
    for (const declared of file.enums) this.#addEnum(declared, name);
    for (const extension of file.extensions) this.#symbols.set(extension.typeName, name);
    for (const service of file.services) {
      this.#symbols.set(service.typeName, name);
      for (const method of service.methods) this.#symbols.set(`${service.typeName}.${method.name}`, name);
    }
    for (const dependency of file.dependencies) this.#addFile(dependency);
  }

  #addMessage(message: DescMessage, name: string): void {
    this.#messages.add(message.typeName);
    this.#symbols.set(message.typeName, name);
    for (const { name: member } of [...message.fields, ...message.oneofs]) {
      this.#symbols.set(`${message.typeName}.${member}`, name);
    }
    for (const nested of message.nestedMessages) this.#addMessage(nested, name);
    for (const nested of message.nestedEnums) this.#addEnum(nested, name);
    for (const extension of message.nestedExtensions) this.#symbols.set(extension.typeName, name);
  }

  #addEnum(declared: DescEnum, name: string): void {
    this.#symbols.set(declared.typeName, name);
    // Values are scoped beside their enum, as in C++.
    const scope = declared.typeName.slice(0, declared.typeName.lastIndexOf(".") + 1);
    for (const value of declared.values) this.#symbols.set(`${scope}${value.name}`, name);
  }
}

/** Descriptors leave the suffix out of a file's name. */
function fileName(file: DescFile): string {
  return `${file.name}.proto`;
}
