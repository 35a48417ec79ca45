// Data as the options of a run say.
import type { Dataset } from "../data/dataset.ts";
import { type OpenProgress, open } from "../data/open.ts";
import type { StoredOptions } from "./options.ts";

/** Opens a source as the options of a run say. @throws as `open` */
export function openFor(source: string, options: StoredOptions, progress?: OpenProgress): Promise<Dataset> {
  const { labels, unlabelled, add, image, resize, pairs, validation, seed } = options;
  return open(source, {
    labels: labels ?? undefined,
    unlabelled: unlabelled ?? undefined,
    add: add ?? undefined,
    image: image ?? undefined,
    resize,
    pairs: pairs ?? undefined,
    validation,
    seed,
    progress,
  });
}
