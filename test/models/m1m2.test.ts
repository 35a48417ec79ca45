import { m1m2 } from "../../src/models/m1m2.ts";
import { modelTests } from "./model-tests.ts";

modelTests(
  m1m2,
  [
    {
      ...{ latent: 16, units: 256, style: 8, hidden: 64, rate: 8e-3, warmup: 0.1 },
      ...{ klWarmup: 1, firstShare: 0.7, classWeight: 300 },
    },
    {
      ...{ latent: 16, units: 256, style: 8, hidden: 64, rate: 8e-3, warmup: 0.1, spread: true },
      ...{ klWarmup: 1, firstShare: 0.7, classWeight: 30 },
    },
  ],
  { epochs: 8 },
);
