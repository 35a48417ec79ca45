import { stargan } from "../../src/models/stargan.ts";
import { modelTests } from "./model-tests.ts";

const small = { width: 4, blocks: 1, discriminatorWidth: 8, rate: 2e-3, emaDecay: 0.9 };

modelTests(stargan, [small, { ...small, loss: "wasserstein" }]);
