// How many labels a graph of pictures finds, by what its points are: npx tsx results/spread.ts [DATA LABELS DRAWS] writes a line for each
// kind of points, number of neighbours and draw of labels (LABELS a class, seeds 0 to DRAWS - 1) to results/spread.csv; of `mnist 10 5`
// where nothing is asked for. Points are of how edges run (src/nn/orientations.ts), in pictures as they are or normalised
// (src/nn/moments.ts), or of the pictures themselves in at most 16 x 16 pixels. Labels of training pictures that training does not see
// are looked at, and nothing else: no validation or test picture.
import { gather } from "../src/data/dataset.ts";
import { input, type Tensor } from "../src/graph/tensor.ts";
import { EDGES, normalisedEdges } from "../src/models/first-graph.ts";
import { type GraphSpace, pointsIn } from "../src/models/graph-space.ts";
import { orientations } from "../src/nn/orientations.ts";
import { thumbnail } from "../src/nn/thumbnail.ts";
import { chooseBackend, open } from "../src/node.ts";
import { byMargin } from "../src/propagation/bank.ts";
import { nearestNeighbours } from "../src/propagation/neighbours.ts";
import { agreement, neighbourGraph, poissonLearning } from "../src/propagation/poisson.ts";
import { commit, putRow } from "./csv.ts";

const [source = "mnist", labels = "10", draws = "5"] = process.argv.slice(2);
const KINDS: readonly { name: string; rows: (x: Tensor) => Tensor; width: number }[] = [
  { name: "pixels", rows: (x) => thumbnail(x, 16), width: 32 },
  { name: "edges", rows: orientations, width: 128 },
  ...[128, EDGES.width].map((width) => ({
    name: "normalised edges",
    rows: normalisedEdges,
    width,
  })),
];
const NEIGHBOURS = [7, EDGES.neighbours, 15];
/** Pictures that are looked at together. */
const BATCH = 500;

const { backend } = chooseBackend();
for (let seed = 0; seed < Number(draws); seed++) {
  const { train, classes } = await open(source, { seed });
  const shown = (await open(source, { seed, labels: Number(labels) })).train.labels;
  const hidden = [...shown.keys()].filter((i) => shown[i]! < 0);
  for (const { name, rows, width } of KINDS) {
    const points = pointsIn(await computed(train, rows), shown.length, { ...EDGES, width } satisfies GraphSpace);
    for (const neighbours of NEIGHBOURS) {
      const graph = neighbourGraph(nearestNeighbours(points, points.length / shown.length, neighbours));
      const guesses = byMargin(poissonLearning(graph, shown, classes.length), classes.length);
      const found = hidden.filter((i) => guesses.classes[i] === train.labels[i]).length / hidden.length;
      const back = agreement(graph, shown, classes.length)?.toFixed(3) ?? "";
      const row = {
        ...{ data: source, labels, seed, points: name, axes: width, neighbours },
        ...{ found: found.toFixed(4), hidden_found: back, commit: commit() },
      };
      console.log(row);
      putRow("spread.csv", row, 6);
    }
  }
}

/** What a graph gives of all pictures of a set, `[n, …]`. */
async function computed(set: Awaited<ReturnType<typeof open>>["train"], rows: (x: Tensor) => Tensor) {
  const { height, width, channels } = set;
  const n = set.labels.length;
  const size = Math.min(BATCH, n);
  const outputs = { rows: rows(input("x", [size, height, width, channels])) };
  const [x, y] = [
    backend.allocate([size, height, width, channels], "float32"),
    backend.allocate(outputs.rows.shape, "float32"),
  ];
  const each = outputs.rows.shape[1]!;
  const all = new Float32Array(n * each);
  const executable = await backend.compile("rows", outputs, { mode: "infer" });
  for (let from = 0; from < n; from += size) {
    // The last batch is a whole one too.
    const at = Math.min(from, n - size);
    const pixels = await gather(
      set,
      Int32Array.from({ length: size }, (_, i) => at + i),
    );
    for (let i = 0; i < pixels.length; i++) x.data[i] = pixels[i]! / 255;
    await executable.run({ x }, { rows: y });
    all.set(y.data as Float32Array, at * each);
  }
  await executable.dispose();
  backend.release(x);
  backend.release(y);
  return all;
}
