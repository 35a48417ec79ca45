// Data as the options of a run say.
import type { Dataset } from "../data/dataset.ts";
import { type OpenProgress, open } from "../data/open.ts";
import type { Model } from "../models/model.ts";
import type { StoredOptions } from "./options.ts";

/** Opens a source as the options of a run say. @throws as `open` */
export const openFor = (source: string, options: StoredOptions, progress?: OpenProgress): Promise<Dataset> =>
  opened(source, options, undefined, progress);

/**
 * Opens a source for a new run of a model, which may ask for photographs of a size.
 * @returns the data, and its size where that is the model's wish, as an option of the run: it is opened again without the model
 * @throws as `open`
 */
export async function openForModel(
  source: string,
  options: StoredOptions,
  { photographs }: Pick<Model, "photographs">,
  progress?: OpenProgress,
): Promise<{ readonly data: Dataset; readonly image?: { height: number; width: number } }> {
  const data = await opened(source, options, photographs, progress);
  const { height, width } = data.train;
  const isWished = options.image === null && height === photographs && width === photographs;
  return { data, ...(isWished ? { image: { height, width } } : {}) };
}

function opened(
  source: string,
  options: StoredOptions,
  photographs: number | undefined,
  progress: OpenProgress | undefined,
): Promise<Dataset> {
  const { labels, unlabelled, add, image, resize, pairs, validation, seed } = options;
  return open(source, {
    labels: labels ?? undefined,
    unlabelled: unlabelled ?? undefined,
    add: add ?? undefined,
    image: image ?? undefined,
    photographs,
    resize,
    pairs: pairs ?? undefined,
    validation,
    seed,
    progress,
  });
}
