import { vae } from "../../src/models/vae.ts";
import { modelTests } from "./model-tests.ts";

modelTests(vae, [
  { width: 8, hidden: 32, latent: 8, training: "joint" },
  { width: 8, hidden: 32, latent: 8, training: "two-phase", norm: "batch", blocks: 1, likelihood: "gaussian" },
  { width: 8, hidden: 32, latent: 8, training: "joint", likelihood: "logistic" },
  { width: 8, hidden: 32, latent: 8, training: "few-labels", generativeShare: 0.3, rate: 4e-3, fastWidths: "8-16" },
]);
