import { pix2pix } from "../../src/models/pix2pix.ts";
import { drawnPairs, modelTests } from "./model-tests.ts";

const small = { width: 4, depth: 2 };

modelTests(
  pix2pix,
  [small, { ...small, loss: "adversarial", discriminatorWidth: 4, dropout: 0.5, rate: 1e-3 }],
  drawnPairs({ change: "denoise", amount: 0.3 }),
);
