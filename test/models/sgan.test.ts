import { sgan } from "../../src/models/sgan.ts";
import { modelTests } from "./model-tests.ts";

modelTests(sgan, [
  { width: 0.1, latent: 16 },
  { net: "conv", width: 0.2, latent: 8 },
]);
