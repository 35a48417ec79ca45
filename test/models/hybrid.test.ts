import { hybrid } from "../../src/models/hybrid.ts";
import { modelTests } from "./model-tests.ts";

const small = { widths: "4-8", latent: 4, hidden: 16, rate: 2 };

modelTests(hybrid, [small, { ...small, training: "staged", adversarial: "nonSaturating", optimizer: "adam" }]);
