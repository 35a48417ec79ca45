// What would have to change in mistakes for the model to take them for their label.
import { gather } from "../data/dataset.ts";
import { mixtureOf } from "../metrics/mixture-quantity.ts";
import type { Evaluation } from "../predict/evaluate.ts";
import { explain, STEPS_BETWEEN } from "../predict/explain.ts";
import { hasMixture } from "../predict/mixture-sampler.ts";
import { rowsAtOnce } from "../predict/rows.ts";
import type { TrainedModel } from "../predict/trained.ts";
import { explanationRow } from "../report/explanation.ts";
import { forPage, gridPng } from "../report/pictures.ts";
import type { ExplainedMistake } from "../report/sections/mistakes.ts";

/** Mistakes that are explained, at most, and their share of the pictures that are computed at once: large ones take minutes. */
const [MOST_EXPLAINED, SHARE_EXPLAINED] = [8, 1 / 2];
/** The picture, those between, the changed one, and the difference. */
const COLUMNS = STEPS_BETWEEN + 3;

/**
 * Explains the first mistakes whose label the model can be moved to; none of a model that cannot explain.
 * @param index numbers of mistakes in the evaluated set
 */
export async function explainedMistakes(
  model: TrainedModel,
  { set }: Evaluation,
  index: readonly number[],
): Promise<ExplainedMistake[]> {
  if (!hasMixture(model)) return [];
  const known = new Set(mixtureOf(model.fitted)?.map((component) => component.class));
  const most = Math.min(MOST_EXPLAINED, Math.max(1, SHARE_EXPLAINED * rowsAtOnce(model.spec)));
  const shown = index.filter((i) => known.has(set.labels[i]!)).slice(0, most);
  if (shown.length === 0) return [];
  const pictures = await gather(set, shown);
  const labels = shown.map((i) => set.labels[i]!);
  const found = await explain(model, pictures, labels);
  const size = pictures.length / shown.length;
  return Promise.all(
    found.map(async (explanation, at) => {
      const row = explanationRow(pictures.subarray(at * size, (at + 1) * size), explanation);
      return { i: shown[at]!, strip: await forPage(await gridPng(row, model.spec, COLUMNS)), valid: explanation.valid };
    }),
  );
}
