import { describe, expect, it } from "vitest";
import { classWeights } from "../../src/data/imbalance.ts";
import { classWeighting } from "../../src/run/option-types.ts";

describe("weights by class name", () => {
  it.each(["constructor", "__proto__", "toString"])(
    "are those given also for a class called %s, and 1 without one",
    (name) => {
      const labels = Int32Array.of(0, 1);
      const given = classWeighting.schema.parse(classWeighting.read(`${name}=3`));
      // Of two examples, one weighs three times the other; their mean is 1.
      expect([...classWeights(labels, [name, "b"], given)]).toEqual([1.5, 0.5]);
      const other = classWeighting.schema.parse(classWeighting.read("b=3"));
      expect([...classWeights(labels, [name, "b"], other)]).toEqual([0.5, 1.5]);
      // As it is kept in config.json.
      const again = classWeighting.schema.parse(JSON.parse(JSON.stringify(given)));
      expect([...classWeights(labels, [name, "b"], again)]).toEqual([1.5, 0.5]);
    },
  );
});
