import { type Document, parseAllDocuments } from "yaml";

/** Several documents in one file; remarks stay where they are. */
export function parseGolden(text: string): Document[] {
  const documents = parseAllDocuments(text);
  if (!Array.isArray(documents)) return [];
  for (const { errors } of documents) if (errors[0] !== undefined) throw errors[0];
  return documents;
}

export function printGolden(documents: readonly Document[]): string {
  return documents
    .map((document) => document.toString({ lineWidth: 0, flowCollectionPadding: true }))
    .join("");
}
