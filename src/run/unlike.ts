// What novelty makes of pictures that are certainly of another kind than those of training: drawn ones, and others where they are given.
import { DRAWN_PICTURES, drawPictures, findNovel } from "../predict/novel.ts";
import type { TrainedModel } from "../predict/trained.ts";
import type { UnlikePictures } from "../report/sections/novelty.ts";

/** Pictures that are drawn of a kind. */
const DRAWN = 200;

/** What readers call the kinds. */
const KINDS: Readonly<Record<(typeof DRAWN_PICTURES)[number], string>> = {
  noise: "pictures of random pixels",
  constant: "pictures of one shade",
};

/** @param known novelty of the evaluated pictures */
export async function unlikePictures(model: TrainedModel, known: Float32Array): Promise<UnlikePictures[]> {
  const found: UnlikePictures[] = [];
  for (const kind of DRAWN_PICTURES)
    found.push({ source: KINDS[kind], ...(await findNovel(model, known, drawPictures(kind, model.spec, DRAWN))) });
  return found;
}
