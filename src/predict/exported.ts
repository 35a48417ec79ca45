// An exported classifier in use: the ONNX file alone, which tells its labels and what it takes.
import { type NdArray, ndarray } from "../base/array.ts";
import { fail, GenclassError } from "../base/errors.ts";
import { isResize, type Resize } from "../data/picture.ts";
import { parseOnnx } from "../onnx/import/file.ts";
import type { Backend, Executable } from "../runtime/backend.ts";
import { type Prediction, predictionsOf } from "./prediction.ts";
import { requireFinite, rowsAtOnce } from "./rows.ts";

/** What a text says as JSON; undefined for one that is none, or absent. */
function jsonOf(text = ""): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The classes that a text tells: a JSON list of names; undefined for another text. */
function labelsOf(text: string | undefined): readonly string[] | undefined {
  const found = jsonOf(text);
  const isList = Array.isArray(found) && found.length > 0 && found.every((label) => typeof label === "string");
  return isList ? found : undefined;
}

/** @throws `E_ONNX` where the backend refuses the graph: a file may be whole, and its content be damaged */
async function loaded(bytes: Uint8Array, backend: Pick<Backend, "load">): Promise<Executable> {
  try {
    return await backend.load(bytes);
  } catch (cause) {
    if (cause instanceof GenclassError) throw cause;
    fail(
      "E_ONNX",
      `onnxruntime does not take this file (${(cause as Error).message}); expected what "genclass export RUN" writes: export it again`,
      cause,
    );
  }
}

/** A classifier that `exportHead` wrote. */
export class ExportedClassifier {
  private constructor(
    /** Size of the pictures that it takes. */
    readonly spec: { readonly height: number; readonly width: number; readonly channels: number },
    /** How pictures of another size become so large; `fit` where the file does not tell. */
    readonly resize: Resize,
    /** The classes, by number. */
    readonly classes: readonly string[],
    /** The largest share of typical pictures whose novelty is above 1, 0..1; undefined where novelty is not told. */
    readonly falseAlarms: number | undefined,
    private readonly executable: Executable,
  ) {}

  /** @throws `E_ONNX` for bytes that are no ONNX file, `E_DATA_FORMAT` for another model than an exported classifier */
  static async load(bytes: Uint8Array, backend: Pick<Backend, "load">): Promise<ExportedClassifier> {
    const { inputs, outputs, initializers, metadata } = parseOnnx(bytes);
    const [, height, width, channels] = inputs.find(({ name }) => name === "pixels")?.dims ?? [];
    const names = outputs.map(({ name }) => name);
    const labels = labelsOf(metadata.get("labels"));
    const resize = metadata.get("resize");
    if (
      labels === undefined ||
      // A classifier that draws noise has more.
      inputs.length !== 1 ||
      // One that names other files on this machine was not written by genclass.
      [...initializers.values()].some(({ isExternal, external }) => isExternal || external.size > 0) ||
      ![height, width, channels].every((size) => typeof size === "number") ||
      !["probabilities", "label"].every((name) => names.includes(name))
    )
      fail("E_DATA_FORMAT", 'this ONNX file is no classifier of genclass; expected what "genclass export RUN" writes');
    return new ExportedClassifier(
      { height: Number(height), width: Number(width), channels: Number(channels) },
      isResize(resize) ? resize : "fit",
      labels,
      names.includes("novelty") ? Number(metadata.get("falseAlarms")) : undefined,
      await loaded(bytes, backend),
    );
  }

  /**
   * Label, probability and novelty of each picture of bytes `[n, h, w, c]`.
   * @throws `E_SHAPE`; `E_NAN` for an answer that is not finite
   */
  async classify(pixels: Uint8Array): Promise<Prediction[]> {
    const { height, width, channels } = this.spec;
    const size = height * width * channels;
    const [n, k] = [pixels.length / size, this.classes.length];
    if (!Number.isInteger(n))
      fail("E_SHAPE", `${pixels.length} bytes are not a whole number of pictures [${height}, ${width}, ${channels}]`);
    const [probabilities, labels, novelty] = [new Float32Array(n * k), new Int32Array(n), new Float32Array(n)];
    const tellsNovelty = this.falseAlarms !== undefined;
    const atOnce = rowsAtOnce(this.spec);
    for (let from = 0; from < n; from += atOnce) {
      const to = Math.min(from + atOnce, n);
      const outputs: Record<string, NdArray> = {
        probabilities: ndarray("float32", [to - from, k], probabilities.subarray(from * k, to * k)),
        label: ndarray("int32", [to - from], labels.subarray(from, to)),
      };
      if (tellsNovelty) outputs.novelty = ndarray("float32", [to - from], novelty.subarray(from, to));
      const rows = pixels.subarray(from * size, to * size);
      await this.executable.run({ pixels: ndarray("uint8", [to - from, height, width, channels], rows) }, outputs);
    }
    requireFinite("probabilities", probabilities, k);
    requireFinite("novelty", novelty, 1);
    return predictionsOf(this.classes, probabilities, labels, tellsNovelty ? novelty : undefined);
  }

  /** Frees what was loaded. */
  dispose(): Promise<void> {
    return this.executable.dispose();
  }
}
