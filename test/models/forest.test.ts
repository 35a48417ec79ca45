import { forest } from "../../src/models/forest.ts";
import { modelTests } from "./model-tests.ts";

modelTests(forest, [{ trees: 10, depth: 8 }]);
