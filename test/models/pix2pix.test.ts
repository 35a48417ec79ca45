import { pix2pix } from "../../src/models/pix2pix.ts";
import { drawnPairs, modelTests } from "./model-tests.ts";

modelTests(
  pix2pix,
  [
    { width: 8, depth: 2 },
    { width: 8, depth: 2, loss: "adversarial", discriminatorWidth: 8, dropout: 0.5, rate: 1e-3 },
  ],
  drawnPairs({ change: "denoise", amount: 0.3 }),
);
