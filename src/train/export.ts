// One ONNX file: any batch size, bytes in, probabilities out; preprocessing, labels and temperature inside.
import { ndarray, sizeOf } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import { simplify } from "../graph/simplify.ts";
import { softmaxRows } from "../metrics/classification.ts";
import { FREE_BATCH, lower } from "../onnx/lower.ts";
import { encodeModel } from "../onnx/schema.ts";
import { Random } from "../random/random.ts";
import type { Backend } from "../runtime/backend.ts";
import type { TrainedModel } from "./trained.ts";

/** Largest difference of a probability between the file and the run. */
const TOLERANCE = 1e-4;

/**
 * The bytes of `model.onnx`, checked against the run at three batch sizes before they are returned.
 *
 * Input `pixels`: uint8 `[batch, height, width, channels]`. Outputs `probabilities`: float32 `[batch, classes]`, and
 * `label`: int32 `[batch]`. Metadata `labels` (JSON list), `temperature`, `genclass`.
 * @throws `E_EXPORT` when the file's probabilities differ from the run's
 */
export async function exportModel(model: TrainedModel, backend: Backend, version: string): Promise<Uint8Array> {
  const graph = model.classifierGraph(FREE_BATCH);
  const [probabilities, label] = simplify([graph.probabilities, graph.label]) as [
    typeof graph.probabilities,
    typeof graph.label,
  ];
  const metadata = {
    genclass: version,
    labels: JSON.stringify(model.spec.classes),
    temperature: String(model.temperature),
    input: `pixels: uint8 [batch, ${model.spec.height}, ${model.spec.width}, ${model.spec.channels}], 0..255`,
  };
  const bytes = encodeModel(
    lower("classifier", { probabilities, label }, { mode: "infer", freeBatch: FREE_BATCH, metadata }),
  );
  await check(bytes, model, backend);
  return bytes;
}

async function check(bytes: Uint8Array, model: TrainedModel, backend: Backend): Promise<void> {
  const { height, width, channels, classes } = model.spec;
  const shape = [height, width, channels];
  const executable = await backend.load(bytes);
  const random = new Random(0, "export check");
  for (const n of [1, 2, 5]) {
    const pixels = Uint8Array.from({ length: n * sizeOf(shape) }, () => random.integer(256));
    const probabilities = ndarray("float32", [n, classes.length], new Float32Array(n * classes.length));
    const label = ndarray("int32", [n], new Int32Array(n));
    await executable.run({ pixels: ndarray("uint8", [n, ...shape], pixels) }, { probabilities, label });
    const expected = softmaxRows((await model.logits(pixels)).data, classes.length, model.temperature);
    const worst = expected.reduce((most, p, i) => Math.max(most, Math.abs(p - probabilities.data[i]!)), 0);
    if (!(worst <= TOLERANCE))
      fail(
        "E_EXPORT",
        `internal: the exported model differs from the run by ${worst} at batch ${n}; nothing was written`,
      );
  }
  await executable.dispose();
}
