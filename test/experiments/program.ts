// Comparisons and searches as tests bundle them, so that the processes of their jobs begin without a loader of TypeScript.
export { compare } from "../../src/experiments/compare.ts";
export { tune } from "../../src/experiments/tune.ts";
