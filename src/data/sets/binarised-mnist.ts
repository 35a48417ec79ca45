// Binarised MNIST: MNIST with every pixel drawn once as 0 or 1, on which likelihoods are compared ("static" binarisation).
import { fail } from "../../base/errors.ts";
import { binarise, staticDraws } from "../binarise.ts";
import { type Dataset, gather, type ImageSet } from "../dataset.ts";
import { inMemory } from "../pixels.ts";

/** MNIST with pixels 0 or 255, by `staticDraws` of each part; labels stay. @throws `E_DATA_EMPTY` for one without a test part */
export async function binarisedMnist(mnist: Omit<Dataset, "name">): Promise<Omit<Dataset, "name">> {
  if (!mnist.test || mnist.validation)
    fail(
      "E_DATA_EMPTY",
      "binarised-mnist is made of the training and the test part of mnist, which has other parts here",
    );
  const drawn = async (set: ImageSet, part: "train" | "test"): Promise<ImageSet> => {
    const bytes = await gather(set);
    binarise(bytes, staticDraws(part));
    return { ...set, pixels: inMemory(set.pixels.size, bytes) };
  };
  return { ...mnist, train: await drawn(mnist.train, "train"), test: await drawn(mnist.test, "test") };
}
