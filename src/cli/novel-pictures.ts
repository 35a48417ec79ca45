// The pictures of `evaluate --novel`: drawn ones, those of a folder in whatever order it has, or those of a data source.
import { existsSync, statSync } from "node:fs";
import { scattered } from "../base/scattered.ts";
import type { Dataset } from "../data/dataset.ts";
import type { NodeModel } from "../node.ts";
import { DRAWN_PICTURES, drawPictures, picturesFor } from "../predict/novel.ts";
import { picturesBelow, readPictures } from "./files.ts";

/** Novel pictures that are looked at, at most. */
const MOST = 10_000;

/**
 * Pictures as a model takes them. Of a folder with picture files, all that lie in it and below, as novelty asks for no class; of
 * another source its test part, or the training part where it has none.
 * @param source a word of `DRAWN_PICTURES`, a folder, or what `open` takes
 * @param drawn how many pictures are drawn
 * @returns bytes `[n, h, w, c]`, of at most 10,000 pictures
 * @throws `E_IMAGE` for a folder in which no picture decodes; as `open` and `picturesFor`
 */
export async function novelPictures(
  model: Pick<NodeModel, "spec" | "resize">,
  source: string,
  drawn: number,
  open: (source: string) => Promise<Dataset>,
): Promise<Uint8Array> {
  const kind = DRAWN_PICTURES.find((one) => one === source);
  if (kind) return drawPictures(kind, model.spec, Math.min(drawn, MOST));
  const files = existsSync(source) && statSync(source).isDirectory() ? await picturesBelow(source) : [];
  if (files.length === 0) {
    const { test, train } = await open(source);
    return picturesFor(test ?? train, model.spec, MOST);
  }
  const chosen = Array.from(scattered(files.length, Math.min(MOST, files.length)), (i) => files[i]!);
  return (await readPictures(model, chosen)).pixels;
}
