// Which metrics say something yet: not those of a network that is trained in a later stage only.
import type { Tensor } from "../graph/tensor.ts";
import type { Metric } from "../metrics/metric.ts";
import { stateRead } from "./state-read.ts";

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
