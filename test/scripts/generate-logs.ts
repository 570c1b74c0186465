/** Writes docs/reference/logs.md: `npm run generate -w @rstore/test`. A test says when it is old. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { logsReference } from "../architecture/logs-reference.ts";
import { repositoryRoot } from "../architecture/source-tree.ts";

writeFileSync(join(repositoryRoot, "docs/reference/logs.md"), logsReference());
