import { svm } from "../../src/models/svm.ts";
import { modelTests } from "./model-tests.ts";

modelTests(
  svm,
  [
    { components: 8, cost: 5, gamma: 0.05, folds: 2 },
    { components: 8, kernel: "linear", cost: "0.1,1", sample: 100 },
  ],
  { resumes: true },
);
