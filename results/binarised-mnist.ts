// Writes MNIST with every pixel drawn once as 0 or 1: npx tsx results/binarised-mnist.ts OUT.npz
// This is "static" binarisation for likelihoods. The draw is our own: published static figures are on the file of Larochelle & Murray
// 2011, another draw of the same distribution. Labels are kept.
import { binarise } from "../src/data/binarise.ts";
import { type Dataset, gather, type ImageSet } from "../src/data/dataset.ts";
import { inMemory, open, Random, writeNpz } from "../src/node.ts";

const out = process.argv[2];
if (out === undefined) throw new Error("npx tsx results/binarised-mnist.ts OUT.npz");
const mnist = await open("mnist", { validation: 0 });

const drawn = async (set: ImageSet, part: string): Promise<ImageSet> => {
  const bytes = await gather(set);
  binarise(bytes, new Random(0, `binarised ${part}`));
  return { ...set, pixels: inMemory(set.height * set.width * set.channels, bytes) };
};
const data: Dataset = { ...mnist, train: await drawn(mnist.train, "train"), test: await drawn(mnist.test!, "test") };
console.log(`${await writeNpz(data, out)} pictures: ${out}`);
