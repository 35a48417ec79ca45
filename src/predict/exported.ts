// An exported classifier in use: the ONNX file alone, which tells its labels and what it takes.
import { z } from "zod";
import { type NdArray, ndarray, zeros } from "../base/array.ts";
import { fail, GenclassError } from "../base/errors.ts";
import { parseOnnx } from "../onnx/import/file.ts";
import type { Backend, Executable } from "../runtime/backend.ts";
import type { Prediction } from "./trained.ts";

/** What a text says as JSON; undefined for one that is none, or absent. */
function jsonOf(text = ""): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @throws `E_ONNX` where the backend refuses the graph: a file may be whole, and its content be damaged */
async function loaded(bytes: Uint8Array, backend: Backend): Promise<Executable> {
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
    /** The classes, by number. */
    readonly classes: readonly string[],
    private readonly tellsNovelty: boolean,
    private readonly executable: Executable,
  ) {}

  /** @throws `E_ONNX` for bytes that are no ONNX file, `E_DATA_FORMAT` for another model than an exported classifier */
  static async load(bytes: Uint8Array, backend: Backend): Promise<ExportedClassifier> {
    const { inputs, outputs, metadata } = parseOnnx(bytes);
    const [, height, width, channels] = inputs.find(({ name }) => name === "pixels")?.dims ?? [];
    const names = outputs.map(({ name }) => name);
    const labels = z
      .array(z.string())
      .min(1)
      .safeParse(jsonOf(metadata.get("labels"))).data;
    if (
      labels === undefined ||
      ![height, width, channels].every((size) => typeof size === "number") ||
      !["probabilities", "label"].every((name) => names.includes(name))
    )
      fail("E_DATA_FORMAT", 'this ONNX file is no classifier of genclass; expected what "genclass export RUN" writes');
    return new ExportedClassifier(
      { height: Number(height), width: Number(width), channels: Number(channels) },
      labels,
      names.includes("novelty"),
      await loaded(bytes, backend),
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
