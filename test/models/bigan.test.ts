import { bigan } from "../../src/models/bigan.ts";
import { modelTests } from "./model-tests.ts";

modelTests(bigan, [{ width: 8, hidden: 32, latent: 8, rate: 1e-3 }]);
