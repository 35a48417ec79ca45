import { mlp } from "../../src/models/mlp.ts";
import { modelTests } from "./model-tests.ts";

modelTests(mlp, [{ hidden: 32 }], { epochs: 8 });
