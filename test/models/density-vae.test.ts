import { densityVae } from "../../src/models/density-vae.ts";
import { modelTests } from "./model-tests.ts";

modelTests(densityVae, [
  { ...{ width: 8, hidden: 32, latent: 8, flowSteps: 2, flowHidden: 16, draws: 2 }, binarise: "dynamic" },
  { ...{ width: 8, hidden: 32, latent: 8, prior: "mixture", draws: 2 }, likelihood: "logistic", importance: 3 },
  { ...{ width: 8, hidden: 32, latent: 8, prior: "standard" }, likelihood: "gaussian" },
]);
