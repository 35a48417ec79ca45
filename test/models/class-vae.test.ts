import { classVae } from "../../src/models/class-vae.ts";
import { modelTests } from "./model-tests.ts";

modelTests(
  classVae,
  [
    { ...{ width: 8, hidden: 32, latent: 8, flowSteps: 2, flowHidden: 16, draws: 2 } },
    {
      ...{ width: 8, hidden: 32, latent: 8, prior: "mixture", components: 2, draws: 1 },
      likelihood: "gaussian",
      freeBits: 2,
    },
  ],
  { epochs: 8 },
);
