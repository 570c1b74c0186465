import { expect, test } from "vitest";
import { Holds } from "./holds.ts";
import { Layers } from "./layers.ts";

test("what two faults hold is let go when the second one ends", () => {
  const calls: string[] = [];
  const holds = new Holds<string>(
    (key) => calls.push(`cut ${key}`),
    (key) => calls.push(`heal ${key}`),
  );
  holds.take("0>1");
  holds.take("0>1");
  holds.letGo("0>1");
  expect(calls).toEqual(["cut 0>1"]);
  holds.letGo("0>1");
  holds.letGo("0>1");
  expect(calls).toEqual(["cut 0>1", "heal 0>1"]);
});

test("clearing lets go of everything once", () => {
  const healed: string[] = [];
  const holds = new Holds<string>(
    () => {},
    (key) => healed.push(key),
  );
  holds.take("a");
  holds.take("a");
  holds.take("b");
  holds.clear();
  holds.letGo("a");
  expect(healed).toEqual(["a", "b"]);
});

test("of weathers that overlap the newest that has not ended counts, in whatever order they end", () => {
  const seen: number[] = [];
  const layers = new Layers(0, (value) => seen.push(value));
  const endOne = layers.add(1);
  const endTwo = layers.add(2);
  endOne();
  endTwo();
  endTwo();
  expect(seen).toEqual([1, 2, 2, 0, 0]);
});
