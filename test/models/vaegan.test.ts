import { vaegan } from "../../src/models/vaegan.ts";
import { modelTests } from "./model-tests.ts";

modelTests(vaegan, [{ width: 8, hidden: 32, latent: 8, rate: 1e-3 }]);
