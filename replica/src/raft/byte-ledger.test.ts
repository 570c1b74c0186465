import { expect, test } from "vitest";
import { ByteLedger } from "./byte-ledger.ts";

test("the sum is that of the entries above what was released, over many rounds", () => {
  const ledger = new ByteLedger();
  ledger.reset(10n);
  let next = 10n;
  for (let round = 0; round < 5000; round++) {
    ledger.add(3);
    ledger.add(4);
    next += 2n;
    ledger.releaseTo(next - 3n);
    expect(ledger.bytes).toBe(7);
  }
  ledger.releaseTo(next + 100n);
  expect(ledger.bytes).toBe(0);
  ledger.add(1);
  expect(ledger.bytes).toBe(1);
});

test("releasing what is below, or was never added, changes nothing", () => {
  const ledger = new ByteLedger();
  ledger.reset(10n);
  ledger.releaseTo(50n);
  ledger.add(8);
  ledger.releaseTo(9n);
  expect(ledger.bytes).toBe(8);
});
