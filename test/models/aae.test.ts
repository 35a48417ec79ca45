import { aae } from "../../src/models/aae.ts";
import { modelTests } from "./model-tests.ts";

modelTests(aae, [{ width: 8, hidden: 32, latent: 4 }]);
