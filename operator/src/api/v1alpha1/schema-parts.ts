import { z } from "zod";

/** A rule in CEL that the API server checks, and what it answers when it does not hold. */
export interface CelRule {
  readonly rule: string;
  readonly message: string;
  readonly fieldPath?: string;
}

/** Rules of a schema, to be given to its `meta`. */
export function cel(...rules: readonly CelRule[]) {
  return { "x-kubernetes-validations": rules };
}

/** Quantities, both included. */
export interface QuantityRange {
  readonly least?: string;
  readonly most?: string;
}

/** A quantity above zero: `10Gi`, `500m`, 3. What a person wrote stays as it is. */
export function quantity({ least, most }: QuantityRange = {}) {
  const above = {
    rule: "isQuantity(string(self)) && quantity(string(self)).isGreaterThan(quantity('0'))",
    message: "give a quantity above 0, such as 10Gi",
  };
  const bounds: CelRule[] = [];
  const bound = (order: "isLessThan" | "isGreaterThan", limit: string | undefined, message: string) => {
    if (limit === undefined) return;
    const rule = `!isQuantity(string(self)) || !quantity(string(self)).${order}(quantity('${limit}'))`;
    bounds.push({ rule, message });
  };
  bound("isLessThan", least, `must be at least ${least}`);
  bound("isGreaterThan", most, `must be at most ${most}`);
  return z.string().meta({
    "x-kubernetes-int-or-string": true,
    maxLength: 32,
    ...cel(above, ...bounds),
  });
}

/** The API server estimates what rules cost at most, so what they look at has bounds. */
const bounded = { maxProperties: 64 };

export const labels = z.record(z.string(), z.string().max(63)).meta(bounded);

/** Keys under which the operator finds its objects again. */
export const ownLabelPrefixes = ["app.kubernetes.io/", "rstore.dev/"] as const;

/** Labels that people add: none of those that the operator sets. */
export const addedLabels = labels.meta({
  ...bounded,
  ...cel({
    rule: `self.all(key, ${ownLabelPrefixes.map((prefix) => `!key.startsWith('${prefix}')`).join(" && ")})`,
    message: `labels under ${ownLabelPrefixes.join(" and ")} are set by the operator`,
  }),
});

export const annotations = z.record(z.string(), z.string()).meta(bounded);

/** Amounts by the names of resources: `cpu`, `memory`. */
export const amounts = z.record(z.string(), quantity()).meta({ maxProperties: 16 });

export const timestamp = z.string().meta({ format: "date-time" });
