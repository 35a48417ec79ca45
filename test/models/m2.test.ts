import { m2 } from "../../src/models/m2.ts";
import { modelTests } from "./model-tests.ts";

modelTests(m2, [{ width: 8, decoderWidth: 4, hidden: 32, latent: 8 }]);
