import { expect, it } from "vitest";
import { customResourceDefinition } from "./custom-resource-definition.ts";

it("stores are in no category: `kubectl delete all --all` leaves them alone", () => {
  expect(customResourceDefinition().spec.names).not.toHaveProperty("categories");
});
