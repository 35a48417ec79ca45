import { expect, it } from "vitest";
import { knn } from "../../src/models/knn.ts";
import reference from "../reference/baselines.json" with { type: "json" };
import { modelTests } from "./model-tests.ts";
import { trainedOnSmall } from "./small-pictures.ts";

modelTests(knn, [{ components: 8 }]);

it.each([
  ["equal", reference.knn.uniform],
  ["distance", reference.knn.distance],
] as const)(
  "knn's votes=%s are those of scikit-learn, and one more that all classes share",
  async (votes, expected) => {
    const { probabilities } = await trainedOnSmall(knn, { components: 0, votes, neighbours: 5 }, 250);
    expect(probabilities.length).toBe(50);
    // Distances are differences of float32 squares.
    for (const [i, row] of probabilities.entries())
      for (const [c, probability] of row.entries())
        expect(Math.abs(probability - (5 * expected[i]![c]! + 1 / 3) / 6)).toBeLessThan(1e-5);
  },
);
