// Runs an exported model with nothing but onnxruntime: node examples/run-onnx.mjs model.onnx pixels.bin > answers.json
// pixels.bin holds uint8 pictures [n, height, width, channels], one after another. onnxruntime-node, which is used in the same way, is
// faster.
import { readFileSync } from "node:fs";
import { InferenceSession, Tensor } from "onnxruntime-web";

const [modelFile, pixelFile] = process.argv.slice(2);
const session = await InferenceSession.create(modelFile);
const [, height, width, channels] = session.inputMetadata[0].shape;
const pixels = new Uint8Array(readFileSync(pixelFile));
const size = height * width * channels;
const answers = [];
for (let from = 0; from < pixels.length; from += 500 * size) {
  const part = pixels.slice(from, from + 500 * size);
  const feeds = { pixels: new Tensor("uint8", part, [part.length / size, height, width, channels]) };
  // Novelty is missing where training had too few validation pictures for it.
  const { probabilities, label, novelty } = await session.run(feeds);
  const k = probabilities.dims[1];
  for (const [i, answer] of label.data.entries())
    answers.push({
      label: answer,
      probabilities: [...probabilities.data.slice(i * k, (i + 1) * k)],
      novelty: novelty?.data[i],
    });
}
process.stdout.write(JSON.stringify(answers));
