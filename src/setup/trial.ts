// A process of its own: computes a product, a convolution and its gradient with the oneDNN library that GENCLASS_ONEDNN names, compares
// them with the interpreter's, and says on standard output what the library is.
import { type NdArray, ndarray, type Shape, sizeOf, zeros } from "../base/array.ts";
import { grad } from "../graph/grad.ts";
import { interpret } from "../graph/interpret.ts";
import { conv2d, matmul, mul, sum } from "../graph/ops/index.ts";
import { input } from "../graph/tensor.ts";
import { Onednn } from "../runtime/onednn/api.ts";
import { onednnBackend } from "../runtime/onednn/backend.ts";
import { loadLibrary, TO_GET } from "../runtime/onednn/library.ts";
import { implementationOf, isFast } from "../runtime/onednn/probe.ts";

/** Largest difference of a float32 sum of up to 2048 terms within ±1 from a float64 one: some 100 roundings of 6e-8 of its size. */
const TOLERANCE = 1e-3;

/** Values in -1..1 that repeat in no short period. */
const waves = (shape: Shape, pitch: number): NdArray =>
  ndarray(
    "float32",
    shape,
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(pitch * (i + 1))),
  );

const feeds = {
  a: waves([48, 80], 0.7),
  b: waves([80, 33], 1.3),
  x: waves([8, 16, 16, 16], 0.9),
  w: waves([3, 3, 16, 32], 1.7),
};
const operand = (name: keyof typeof feeds) => input(name, feeds[name].shape);
const [a, b, x, w] = [operand("a"), operand("b"), operand("x"), operand("w")];
const convolution = conv2d(x, w);
const outputs = {
  product: matmul(a, b),
  convolution,
  gradient: grad(sum(mul(convolution, convolution)), [w])[0]!,
};

/** @throws an error that says what is wrong with the library */
async function trial(): Promise<string> {
  const backend = onednnBackend({ threads: 1 });
  const executable = await backend.compile("trial", outputs, { mode: "train" });
  const found = Object.fromEntries(Object.entries(outputs).map(([name, { shape }]) => [name, zeros(shape)]));
  await executable.run(feeds, found);
  const expected = interpret(Object.values(outputs), feeds);
  for (const [i, [name, { data }]] of Object.entries(found).entries()) {
    const largest = Math.max(...Array.from(expected[i]!.data, Math.abs));
    const wrong = data.findIndex((value, at) => !(Math.abs(value - expected[i]!.data[at]!) <= TOLERANCE * largest));
    if (wrong >= 0) throw new Error(`its ${name} is wrong: ${data[wrong]} for ${expected[i]!.data[wrong]}`);
  }
  const fast = isFast(implementationOf(new Onednn(loadLibrary()), "f32"));
  return JSON.stringify({ version: backend.version, isFast: fast });
}

// The threads that compute would keep the process.
await trial().then(
  (found) => process.stdout.write(found, () => process.exit(0)),
  ({ message }: Error) => process.stderr.write(message.split(TO_GET)[0]!, () => process.exit(1)),
);
