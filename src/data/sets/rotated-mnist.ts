// Rotated MNIST: digits of MNIST, each turned once by a random angle. Made from MNIST's files when it is first asked for, and
// kept in the cache as IDX files.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Random } from "../../random/random.ts";
import { cacheFolder, draftIn, finishDraft } from "../cache.ts";
import { type Dataset, gather, type ImageSet } from "../dataset.ts";
import { concatenated } from "../pixels.ts";
import { turnPicture } from "../turn.ts";

/** Pictures of each part, as in the benchmark of Larochelle et al. 2007. */
const SIZES = { train: 12_000, test: 50_000 } as const;
const SEED = 2007;
/** Of what is made: another number for other pictures, so that older files in the cache are not taken for them. */
const VERSION = 1;
/**
 * The folder of the four IDX files of rotated MNIST, which are made where they are missing. The 70,000 pictures of MNIST
 * (training pictures, then test pictures) are put into a random order, whose first 12,000 are the training part and the next
 * 50,000 the test part (the sizes of Larochelle et al. 2007, "An Empirical Evaluation of Deep Architectures on Problems with
 * Many Factors of Variation"; which digits are drawn, and their angles, are this program's own). Each is turned once about its
 * centre by an angle that is uniform over the full circle.
 * @param openMnist gives MNIST; it is called where files are missing
 */
export async function rotatedMnistFolder(openMnist: () => Promise<Omit<Dataset, "name">>): Promise<string> {
  const folder = cacheFolder("sets", `rotated-mnist-${VERSION}`);
  const files = ["train-images-idx3", "train-labels-idx1", "test-images-idx3", "test-labels-idx1"].map((stem) =>
    join(folder, `${stem}-ubyte`),
  );
  if (files.every((file) => existsSync(file))) return folder;
  const { train, test } = await openMnist();
  const all: ImageSet = {
    ...train,
    pixels: concatenated([train.pixels, test!.pixels]),
    labels: Int32Array.from([...train.labels, ...test!.labels]),
  };
  const order = new Random(SEED, "rotated-mnist order").permutation(all.labels.length);
  const parts = [order.subarray(0, SIZES.train), order.subarray(SIZES.train, SIZES.train + SIZES.test)];
  for (const [k, index] of parts.entries()) {
    const pixels = await gather(all, index);
    const turned = new Uint8Array(pixels.length);
    const size = pixels.length / index.length;
    index.forEach((picture, i) => {
      const angle = 2 * Math.PI * new Random(SEED, picture).uniform();
      turned.set(turnPicture(pixels.subarray(i * size, (i + 1) * size), all, angle), i * size);
    });
    write(folder, files[2 * k]!, [index.length, all.height, all.width], turned);
    write(
      folder,
      files[2 * k + 1]!,
      [index.length],
      Uint8Array.from(index, (i) => all.labels[i]!),
    );
  }
  return folder;
}

/** Writes an IDX file of bytes: two zeros, the type 8 for bytes, the number of axes, the sizes, and the values. */
function write(folder: string, file: string, sizes: readonly number[], values: Uint8Array): void {
  const head = Buffer.alloc(4 + 4 * sizes.length);
  head.set([0, 0, 8, sizes.length]);
  for (const [axis, size] of sizes.entries()) head.writeUInt32BE(size, 4 + 4 * axis);
  const draft = draftIn(folder, "idx");
  writeFileSync(draft, Buffer.concat([head, values]));
  finishDraft(draft, file);
}
