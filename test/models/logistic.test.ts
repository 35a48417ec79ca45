import { expect, it } from "vitest";
import { logistic } from "../../src/models/logistic.ts";
import reference from "../reference/baselines.json" with { type: "json" };
import { modelTests } from "./model-tests.ts";
import { trainedOnSmall } from "./small-pictures.ts";

modelTests(logistic, [{ features: "hog", rate: 0.02 }]);

it("logistic without decay comes to the optimum that scikit-learn finds", async () => {
  const options = { decay: 0, rate: 0.3 };
  const { losses } = await trainedOnSmall(logistic, options, 300, { epochs: 400 });
  // Whole steps of all pictures: the optimum is the least that there is, and 400 steps of Adam come within 1e-4 of it.
  expect(losses.at(-1)).toBeGreaterThan(reference.logistic.loss - 1e-5);
  expect(losses.at(-1)).toBeLessThan(reference.logistic.loss + 1e-4);
  expect(losses[0]).toBeCloseTo(Math.log(3), 5);
});
