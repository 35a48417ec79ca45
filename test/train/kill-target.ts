// Trains a small VAE on glyphs; kills itself with SIGKILL, as a power cut would, after a number of steps.

import { glyphs } from "../../src/data/sets/glyphs.ts";
import { withValidation } from "../../src/data/splits.ts";
import { nativeBackend, onednnBackend } from "../../src/node.ts";
import { resumeRun, startRun } from "../../src/train/train.ts";

const [out, killAt, mode, name] = process.argv.slice(2) as [string, string, string, string];
const data = withValidation(glyphs({ train: 280, test: 10 }), 0.1, 0);
const backend = name === "onednn" ? onednnBackend() : nativeBackend();
const options = { width: 8, hidden: 16, latent: 4 };
const { events } =
  mode === "resume"
    ? await resumeRun(out, { data, backend })
    : await startRun("vae", { data, backend, out, epochs: 3, batch: 32, seed: 4, options });
for await (const event of events)
  if (event.type === "step" && event.step === Number(killAt)) process.kill(process.pid, "SIGKILL");
