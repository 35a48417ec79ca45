// What an evaluation says of an adversarial model's networks: the losses of each on pictures that it was not trained on.
import { chooseAugmentation } from "../data/augment.ts";
import { type Dataset, decoded, type ImageSet } from "../data/dataset.ts";
import { modelNamed } from "../models/index.ts";
import { isAdversarial, type Model } from "../models/model.ts";
import type { Finding } from "../predict/finding.ts";
import type { Backend } from "../runtime/backend.ts";
import { Program } from "../runtime/program.ts";
import { phaseLosses } from "../train/phase-losses.ts";
import { compileModel } from "../train/steps.ts";
import type { RunFolder } from "./folder.ts";

/**
 * The losses of generator, discriminator and whatever else an adversarial model has, each as in training and with the weights that its
 * step moves, not their averages; named `PHASE/LOSS`, as `results.csv` has them of validation. Nothing of a model that is not adversarial,
 * and of one whose losses need what only training has (`phaseLosses`).
 * @param set of `data`
 * @param own the run's model, where it is not among `MODELS`
 * @throws `E_RUN_NOT_FOUND` for a run without a checkpoint
 */
export async function lossFindings(
  run: RunFolder,
  { data, set }: { readonly data: Dataset; readonly set: ImageSet },
  backend: Backend,
  own?: Model,
): Promise<Finding[]> {
  const { options, batch, augment, seed, emaDecay, data: spec } = run.config;
  const definition = modelNamed(run.config.model, own);
  const model = definition.build(options, run.modelConfig(definition).data);
  if (!isAdversarial(model)) return [];
  const held = await decoded(set);
  const augmentation = chooseAugmentation(augment, spec.channels, spec.mirror);
  const { stages, watch } = compileModel(model, spec, batch, { augmentation, emaDecay });
  const { losses } = watch!;
  const { state, progress } = run.trained();
  const graphs = [...losses.values()].map(({ graph }) => graph);
  const program = await Program.create(backend, graphs, state);
  try {
    const made = { program, losses, stage: stages[progress.stage.index]! };
    const found = await phaseLosses(made, { model, held, data, augmentation, seed, tables: {} }, progress);
    return Object.entries(found).map(([name, value]) => {
      const [phase, loss] = name.split("/");
      const title = `${loss} of the step "${phase}", computed as in training`;
      return { info: { name, title, better: "neither", unit: "" }, value };
    });
  } finally {
    await program.dispose();
  }
}
