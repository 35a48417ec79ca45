import { dcgan } from "../../src/models/dcgan.ts";
import { modelTests } from "./model-tests.ts";

modelTests(dcgan, [{ width: 8, latent: 8, rate: 1e-3, discriminatorRate: 5e-4, emaDecay: 0.9 }]);
