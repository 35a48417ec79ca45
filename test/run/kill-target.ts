// Trains a small model on glyphs; kills itself with SIGKILL, as a power cut would, after a number of steps.
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { withLabels, withValidation } from "../../src/data/splits.ts";
import { findModel } from "../../src/models/index.ts";
import { nativeBackend, onednnBackend } from "../../src/node.ts";
import { resumeRun, startRun } from "../../src/run/train.ts";
import { twoStages } from "../train/two-stages.ts";

const [out, killAt, mode, name, modelName] = process.argv.slice(2) as [string, string, string, string, string];
const model = modelName === twoStages.name ? twoStages : findModel(modelName);
const options: Record<string, Record<string, unknown>> = {
  vae: { width: 8, hidden: 16, latent: 4 },
  dcgan: { width: 4, latent: 8 },
  cnn: { width: 4, hidden: 16 },
};
const whole = withValidation(glyphs({ train: 280, test: 10 }), 0.1, 0);
const data = model === twoStages ? withLabels(whole, 5, 0) : whole;
const backend = name === "onednn" ? onednnBackend() : nativeBackend();
const { events } =
  mode === "resume"
    ? await resumeRun(out, { data, backend, model })
    : await startRun(model, { data, backend, out, epochs: 3, batch: 32, seed: 4, options: options[modelName] });
for await (const event of events)
  if (event.type === "step" && event.step === Number(killAt)) process.kill(process.pid, "SIGKILL");
