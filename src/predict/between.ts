// Samples between samples: the noise of a model's head `sample` moved from one draw to another.
import { type NdArray, ndarray, sizeOf, zeros } from "../base/array.ts";
import { NOISE_PREFIX } from "../graph/names.ts";
import type { NoiseKind } from "../nn/scope.ts";
import { FREE_BATCH } from "../onnx/lower.ts";
import { headNoise } from "./noise.ts";
import { rowsAtOnce } from "./rows.ts";
import type { TrainedModel } from "./trained.ts";

/**
 * Rows of pictures `[rows · columns, h, w, c]` in 0..1, each from a sample to another. Normal noise moves on the sphere (White
 * 2016, "Sampling Generative Networks", section 2.1), so that it is as long on the way as at the ends; other noise in a line.
 * A model that is asked for classes makes those of a row of one class, the classes in turn.
 * @throws `E_HEAD` for a model that does not sample
 */
export async function samplesBetween(
  model: TrainedModel,
  rows: number,
  columns: number,
  seed = 0,
): Promise<Float32Array> {
  const n = rows * columns;
  const { inputs, noises, output } = model.headGraph("sample", FREE_BATCH);
  const [from, to] = [0, rows].map((first) => headNoise(noises, seed, { count: rows, from: first }));
  const feeds: Record<string, NdArray> = {};
  for (const [path, { kind, shape }] of noises) {
    const width = sizeOf(shape.slice(1));
    const name = NOISE_PREFIX + path;
    const noise = new Float32Array(n * width);
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) {
        const ends = [from!, to!].map((all) => all[name]!.data.subarray(row * width, (row + 1) * width));
        noise.set(
          between(ends[0]!, ends[1]!, columns > 1 ? column / (columns - 1) : 0, kind),
          (row * columns + column) * width,
        );
      }
    feeds[name] = ndarray("float32", [n, ...shape.slice(1)], noise);
  }
  for (const tensor of inputs.values()) {
    const classes = model.spec.classes.length;
    feeds[tensor.attrs.name as string] = ndarray(
      "int32",
      [n],
      Int32Array.from({ length: n }, (_, i) => Math.floor(i / columns) % classes),
    );
  }
  const executable = await model.backend.compile("between", { output }, { mode: "infer", freeBatch: FREE_BATCH });
  try {
    const made = zeros([n, ...output.shape.slice(1)]);
    const atOnce = rowsAtOnce(model.spec);
    for (let from = 0; from < n; from += atOnce) {
      const part = (all: NdArray) => rowsOf(all, from, Math.min(n, from + atOnce));
      const parts = Object.entries(feeds).map(([name, all]) => [name, part(all)] as const);
      await executable.run(Object.fromEntries(parts), { output: part(made) });
    }
    return made.data as Float32Array;
  } finally {
    await executable.dispose();
  }
}

/** Some rows of an array, in its memory. */
function rowsOf({ dtype, shape: [, ...row], data }: NdArray, from: number, to: number): NdArray {
  const width = sizeOf(row);
  return ndarray(dtype, [to - from, ...row], data.subarray(from * width, to * width));
}

/** The vector a share `t` of the way from `a` to `b`. */
function between(a: ArrayLike<number>, b: ArrayLike<number>, t: number, kind: NoiseKind): Float32Array {
  const dot = (x: ArrayLike<number>, y: ArrayLike<number>) => {
    let sum = 0;
    for (let i = 0; i < x.length; i++) sum += x[i]! * y[i]!;
    return sum;
  };
  const angle = Math.acos(Math.min(1, Math.max(-1, dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)))));
  const curved = kind === "normal" && Math.sin(angle) > 1e-6;
  const [own, other] = curved
    ? [Math.sin((1 - t) * angle) / Math.sin(angle), Math.sin(t * angle) / Math.sin(angle)]
    : [1 - t, t];
  return Float32Array.from(a, (value, i) => own * value + other * b[i]!);
}
