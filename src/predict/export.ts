// A head as one ONNX file: any batch size, bytes in; preprocessing, labels and temperature inside.
import { type NdArray, ndarray, type Shape, sizeOf, zeros } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import { RESIZES } from "../data/picture.ts";
import { NOISE_PREFIX } from "../graph/names.ts";
import * as g from "../graph/ops/index.ts";
import { simplify } from "../graph/simplify.ts";
import type { Tensor } from "../graph/tensor.ts";
import { argmax, softmaxRows } from "../metrics/classification.ts";
import type { HeadInput } from "../models/heads.ts";
import { FREE_BATCH, lower } from "../onnx/lower.ts";
import { encodeModel } from "../onnx/schema.ts";
import { Random } from "../random/random.ts";
import type { Backend } from "../runtime/backend.ts";
import type { HeadFeeds, HeadGraph } from "./head-runner.ts";
import { headNoise } from "./noise.ts";
import type { TrainedModel } from "./trained.ts";

/** Largest difference of a value between the file and the run. */
const TOLERANCE = 1e-4;

/** An exported head: the file and what people must know to call it. */
export interface ExportedHead {
  /** The ONNX file. */
  readonly bytes: Uint8Array;
  /** Inputs as `name: type [shape]`. */
  readonly inputs: readonly string[];
  /** Outputs, in the same form. */
  readonly outputs: readonly string[];
}

/** The head that is exported when none is named: the classifier, else the sampler, else the first. */
export const defaultHead = (model: TrainedModel): string =>
  ["classify", "sample"].find((name) => model.has(name)) ?? Object.keys(model.heads)[0]!;

/** A file of a head, with the graph that it was made of. */
interface HeadFile extends ExportedHead {
  readonly graph: HeadGraph;
  readonly named: Readonly<Record<string, Tensor>>;
}

/**
 * A head as the bytes of an ONNX file, checked against the run at three batch sizes before they are returned.
 *
 * Inputs are what the head takes: `pixels` uint8 `[batch, height, width, channels]`, `latent` float32 `[batch, size]`, `label`
 * int32 `[batch]`; and the noise that it draws, standard normal (or uniform where its description says so), float32. Of
 * `classify`, outputs are `probabilities` float32 `[batch, classes]`, `label` int32 `[batch]` and, where it is told and nothing
 * is drawn for it, `novelty` float32 `[batch]`, above 1 for an alarm; of another head, one output named for what it gives.
 * Metadata: `labels` (JSON list), `temperature`, `falseAlarms` (share of typical pictures whose novelty is above 1), `genclass`,
 * `resize` (how pictures become as large as those that it takes), and `input`, `output` and `preprocessing` (of pictures) in words. Weights are initializers in the layout of the ops that read them,
 * so that tools for ONNX files (quantisation, optimisers) find them.
 * @throws `E_HEAD` for a head that the model lacks, `E_EXPORT` when the file's values differ from the run's
 */
export async function exportHead(
  model: TrainedModel,
  backend: Backend,
  version: string,
  head: string = defaultHead(model),
): Promise<ExportedHead> {
  const { bytes, inputs, outputs, graph, named } = headFile(model, version, head);
  await check(bytes, model, backend, head, graph, named);
  return { bytes, inputs, outputs };
}

/** A head as `exportHead` gives it, of which nothing has been computed yet. @throws `E_HEAD` for a head that the model lacks */
export function headFile(model: TrainedModel, version: string, head: string): HeadFile {
  const graph = model.headGraph(head, FREE_BATCH);
  const outputs = outputsOfFile(model, head, graph);
  const simple = simplify([...outputs.values()]);
  const named = Object.fromEntries([...outputs.keys()].map((name, i) => [name, simple[i]!]));
  const noises = [...graph.noises].map(
    ([path, { shape, kind }]) => `${describe(NOISE_PREFIX + path, "float32", shape)} ${kind}`,
  );
  const inputs = [
    ...[...graph.inputs.values()].map(({ attrs, dtype, shape }) => describe(String(attrs.name), dtype, shape)),
    ...noises,
  ];
  const told = Object.entries(named).map(([name, { dtype, shape }]) => describe(name, dtype, shape));
  const metadata = {
    genclass: version,
    labels: JSON.stringify(model.spec.classes),
    temperature: String(model.temperature),
    ...("novelty" in named && "falseAlarms" in model.novelty ? { falseAlarms: String(model.novelty.falseAlarms) } : {}),
    input: inputs.join("; "),
    output: told.join("; "),
    ...(model.heads[head]!.takes.includes("picture")
      ? { preprocessing: preprocessingOf(model), resize: model.resize }
      : {}),
  };
  const bytes = encodeModel(lower(head, named, { mode: "infer", freeBatch: FREE_BATCH, metadata }));
  return { bytes, inputs, outputs: told, graph, named };
}

/** What pictures must be before they are given to the file, and what it does itself, in words. */
export const preprocessingOf = ({ spec: { height, width, channels }, resize }: TrainedModel): string =>
  [
    "outside the file: decode the picture, turn it upright as its EXIF orientation says, put transparent parts over white",
    channels === 1 ? "make it greyscale" : "make it sRGB",
    `make it ${height} high and ${width} wide: ${resize}, ${RESIZES[resize]}`,
    `bytes 0..255 in the order [batch, height, width, channels], the top left pixel first, ${channels === 1 ? "one channel: black is 0" : "channels red, green, blue"}`,
    "inside the file: division by 255 and all that follows, so no mean is subtracted outside, and nothing is scaled",
  ].join("; ");

const describe = (name: string, dtype: string, shape: Shape): string =>
  `${name}: ${dtype} [batch${shape
    .slice(1)
    .map((size) => `, ${size}`)
    .join("")}]${dtype === "uint8" ? ", 0..255" : ""}`;

function outputsOfFile(model: TrainedModel, head: string, { output }: HeadGraph): Map<string, Tensor> {
  // The temperature was fitted for this head.
  if (head !== "classify") return new Map([[model.heads[head]!.gives, output]]);
  const probabilities = g.softmax(g.mul(output, 1 / model.temperature));
  const outputs = new Map([
    ["probabilities", probabilities],
    ["label", g.argmax(probabilities)],
  ]);
  const novelty = model.has("novelty") ? model.headGraph("novelty", FREE_BATCH) : undefined;
  if (novelty?.noises.size === 0) outputs.set("novelty", novelty.output);
  return outputs;
}

async function check(
  bytes: Uint8Array,
  model: TrainedModel,
  backend: Backend,
  head: string,
  graph: HeadGraph,
  outputs: Readonly<Record<string, Tensor>>,
): Promise<void> {
  const executable = await backend.load(bytes);
  const random = new Random(0, "export check");
  for (const n of [1, 2, 5]) {
    const feeds: HeadFeeds = Object.fromEntries(
      [...graph.inputs].map(([kind, { shape }]) => [kind, randomRows(kind, n * sizeOf(shape.slice(1)), model, random)]),
    );
    const values: Record<string, NdArray> = {};
    for (const [kind, { attrs, dtype, shape }] of graph.inputs)
      values[String(attrs.name)] = ndarray(dtype, [n, ...shape.slice(1)], feeds[kind]!);
    Object.assign(values, headNoise(graph.noises, 0, { count: n, from: 0, pictures: feeds.picture }));
    const found = Object.fromEntries(
      Object.entries(outputs).map(([name, { shape, dtype }]) => [name, zeros([n, ...shape.slice(1)], dtype)]),
    );
    await executable.run(values, found);
    const worst = Math.max(
      difference(model, found, await model.run(head, feeds, { count: n })),
      found.novelty ? relativeDifference(found.novelty, await model.run("novelty", feeds)) : 0,
    );
    if (!(worst <= TOLERANCE))
      fail(
        "E_EXPORT",
        `internal: the exported ${head} differs from the run by ${worst} at batch ${n}; nothing was written`,
      );
  }
  await executable.dispose();
}

function randomRows(kind: HeadInput, length: number, { spec }: TrainedModel, random: Random) {
  if (kind === "label") return Int32Array.from({ length }, () => random.integer(spec.classes.length));
  if (kind !== "latent") return Uint8Array.from({ length }, () => random.integer(256));
  const values = new Float32Array(length);
  random.fillNormal(values);
  return values;
}

/** The largest difference between a file's outputs and the run's rows of the head. */
function difference(model: TrainedModel, found: Readonly<Record<string, NdArray>>, { data }: NdArray): number {
  const { probabilities, label } = found;
  const k = model.spec.classes.length;
  const expected = probabilities ? softmaxRows(data, k, model.temperature) : data;
  const got = (probabilities ?? Object.values(found)[0]!).data;
  let worst = 0;
  expected.forEach((value, i) => {
    const gap = Math.abs(value - got[i]!);
    worst = Number.isNaN(gap) ? Number.POSITIVE_INFINITY : Math.max(worst, gap);
  });
  const wrong = probabilities && label?.data.some((answer, i) => answer !== argmax(probabilities.data, i * k, k));
  return wrong ? Number.POSITIVE_INFINITY : worst;
}

/** The largest difference of two arrays, of values above 1 as a share of them: the novelty of random pixels is a large number. */
function relativeDifference({ data: a }: NdArray, { data: b }: NdArray): number {
  let worst = 0;
  a.forEach((value, i) => {
    const gap = Math.abs(value - b[i]!) / Math.max(1, Math.abs(b[i]!));
    worst = Number.isNaN(gap) ? Number.POSITIVE_INFINITY : Math.max(worst, gap);
  });
  return worst;
}
