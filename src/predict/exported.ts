// An exported classifier in use: the ONNX file alone, which tells its labels and what it takes.
import { type NdArray, ndarray, zeros } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import { readMetadata } from "../onnx/metadata.ts";
import type { Backend, Executable } from "../runtime/backend.ts";
import type { Prediction } from "./trained.ts";

/** A classifier that `exportHead` wrote. */
export class ExportedClassifier {
  private constructor(
    /** Size of the pictures that it takes. */
    readonly spec: { readonly height: number; readonly width: number; readonly channels: number },
    /** The classes, by number. */
    readonly classes: readonly string[],
    private readonly tellsNovelty: boolean,
    private readonly executable: Executable,
  ) {}

  /** @param bytes of the file; throws `E_DATA_FORMAT` where it is not an exported classifier */
  static async load(bytes: Uint8Array, backend: Backend): Promise<ExportedClassifier> {
    let told: Record<string, string>;
    try {
      told = readMetadata(bytes);
    } catch (cause) {
      fail("E_DATA_FORMAT", `these bytes are no ONNX file (${(cause as Error).message})`, cause);
    }
    const { input = "", output = "", labels } = told;
    const [, height, width, channels] = /^pixels: uint8 \[batch, (\d+), (\d+), (\d+)\]/.exec(input) ?? [];
    if (labels === undefined || channels === undefined || !output.includes("probabilities"))
      fail(
        "E_DATA_FORMAT",
        'this ONNX file is not a classifier of genclass; expected what "genclass export RUN" writes',
      );
    return new ExportedClassifier(
      { height: Number(height), width: Number(width), channels: Number(channels) },
      JSON.parse(labels) as string[],
      output.includes("novelty"),
      await backend.load(bytes),
    );
  }

  /** Label, probability and novelty of each picture of bytes `[n, h, w, c]`. @throws `E_SHAPE` */
  async classify(pixels: Uint8Array): Promise<Prediction[]> {
    const { height, width, channels } = this.spec;
    const n = pixels.length / (height * width * channels);
    if (!Number.isInteger(n))
      fail("E_SHAPE", `${pixels.length} bytes are not a whole number of pictures [${height}, ${width}, ${channels}]`);
    const k = this.classes.length;
    const outputs: Record<string, NdArray> = { probabilities: zeros([n, k]), label: zeros([n], "int32") };
    if (this.tellsNovelty) outputs.novelty = zeros([n]);
    await this.executable.run({ pixels: ndarray("uint8", [n, height, width, channels], pixels) }, outputs);
    const { probabilities, label, novelty } = outputs;
    return Array.from(label!.data, (best, i) => ({
      label: this.classes[best]!,
      probability: probabilities!.data[i * k + best]!,
      probabilities: Object.fromEntries(this.classes.map((name, c) => [name, probabilities!.data[i * k + c]!])),
      ...(novelty ? { novelty: novelty.data[i]! } : {}),
    }));
  }

  /** Frees what was loaded. */
  dispose(): Promise<void> {
    return this.executable.dispose();
  }
}
