import { expect, test } from "vitest";
import { AssertionError } from "../../assert.ts";
import { Inflights } from "./inflights.ts";

test("the window is bounded in messages, and goes round and round", () => {
  const inflights = new Inflights(3, 1000);
  for (let index = 1n; index <= 20n; index++) {
    inflights.add(index, 1);
    if (index < 3n) continue;
    expect(inflights.isFull()).toBe(true);
    expect(() => inflights.add(index + 1n, 1)).toThrow(AssertionError);
    inflights.freeTo(index - 2n);
    expect(inflights.count).toBe(2);
    expect(inflights.isFull()).toBe(false);
  }
});

test("the window is bounded in bytes; one message may pass the limit, a second may not", () => {
  const inflights = new Inflights(10, 100);
  inflights.add(1n, 99);
  expect(inflights.isFull()).toBe(false);
  inflights.add(2n, 500);
  expect(inflights.isFull()).toBe(true);
  inflights.freeTo(1n);
  expect(inflights.isFull()).toBe(true);
  inflights.freeTo(2n);
  expect(inflights).toMatchObject({ count: 0, bytes: 0 });
});

test("freeing what is older, or not there, changes nothing", () => {
  const inflights = new Inflights(4, 100);
  inflights.freeTo(9n);
  inflights.add(5n, 1);
  inflights.add(8n, 2);
  inflights.freeTo(4n);
  expect(inflights).toMatchObject({ count: 2, bytes: 3 });
  inflights.freeTo(7n);
  expect(inflights).toMatchObject({ count: 1, bytes: 2 });
  inflights.reset();
  expect(inflights).toMatchObject({ count: 0, bytes: 0 });
});
