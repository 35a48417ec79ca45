import { twoStages } from "../train/two-stages.ts";
import { modelTests } from "./model-tests.ts";

modelTests(twoStages, [{}], { epochs: 8, resumes: true });
