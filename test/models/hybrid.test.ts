import { hybrid } from "../../src/models/hybrid.ts";
import { modelTests } from "./model-tests.ts";

const small = { widths: "8-12", latent: 6, hidden: 24, rate: 2 };

modelTests(hybrid, [small, { ...small, training: "staged", adversarial: "nonSaturating", optimizer: "adam" }]);
