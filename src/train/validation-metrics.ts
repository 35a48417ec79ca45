// Which metrics validation computes, and in which stages: not those of a network that is trained in a later one only.
import { fail } from "../base/errors.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Metric } from "../metrics/metric.ts";
import { type BuiltModel, isAdversarial } from "../models/model.ts";
import { metricsOf } from "../predict/outputs.ts";
import { stateRead } from "./state-read.ts";

/** The metrics that validation computes: slow ones only where the best checkpoint is chosen by them, or to watch a model. */
export function validationMetrics(model: BuiltModel): Metric[] {
  const { best: chosenBy = [], bestKeeps = {} } = model;
  const best = [...chosenBy, ...Object.keys(bestKeeps)];
  const possible = metricsOf(model);
  const watched = isAdversarial(model);
  for (const name of best)
    if (!possible.some((metric) => metric.name === name))
      fail(
        "E_NAME",
        `the model chooses its best checkpoint by "${name}", which its heads do not give; they give ${possible.map(({ name }) => name).join(", ")}`,
      );
  // How samples are is watched; what a classifier is like in detail is told at the end.
  const shows = ({ name, slow, needs }: Metric) =>
    !slow || best.includes(name) || (watched && needs.includes("sampleThumbnail"));
  return possible.filter((metric) => !metric.afterFitting && shows(metric));
}

/**
 * For each stage, the metrics that validation tells in it: those whose outputs read no state that later stages move and none
 * has moved so far. What no stage moves may have come from another run.
 * @param outputs of validation, by name
 * @param moved paths of the state that each stage moves
 */
export function toldMetrics(
  metrics: readonly Metric[],
  outputs: ReadonlyMap<string, Tensor>,
  moved: readonly ReadonlySet<string>[],
): (readonly Metric[])[] {
  const firstMoved = new Map<string, number>();
  for (const [stage, paths] of moved.entries())
    for (const path of paths) if (!firstMoved.has(path)) firstMoved.set(path, stage);
  const ready = metrics.map(({ needs }) => {
    const read = stateRead(needs.map((name) => outputs.get(name)!));
    return Math.max(0, ...[...read].map((path) => firstMoved.get(path) ?? 0));
  });
  return moved.map((_, stage) => metrics.filter((_, i) => ready[i]! <= stage));
}
