// How many labels a graph of codes finds, and of what the codes had best be joined with: npx tsx results/codes.ts RUN... writes a line for
// each run and way of joining to results/codes.csv. A run is one of training from few labels; its codes are as its first stage left
// them. Labels of training pictures that the run does not see are looked at, and nothing else: no validation or test picture.
import { gather, range } from "../src/data/dataset.ts";
import { CODES, PIXELS } from "../src/models/few-labels.ts";
import { joined, pointsIn } from "../src/models/graph-space.ts";
import { load, nativeBackend, RunFolder } from "../src/node.ts";
import { byMargin } from "../src/propagation/bank.ts";
import { nearestNeighbours } from "../src/propagation/neighbours.ts";
import { agreement, neighbourGraph, poissonLearning } from "../src/propagation/poisson.ts";
import { optionsOf } from "../src/run/folder.ts";
import { openFor } from "../src/run/open-data.ts";
import { commit, putRow } from "./csv.ts";

/** The weights of thumbnails beside codes that are compared; undefined: thumbnails alone. */
const WEIGHTS = [0, 1, 1.5, 2, 2.5, 3, undefined];

const backend = nativeBackend();
for (const path of process.argv.slice(2)) {
  const { config } = RunFolder.open(path);
  const { seed, minutes } = config;
  const { source, labels: amount } = config.data;
  const options = optionsOf(config);
  const shown = await openFor(source, options);
  const whole = await openFor(source, { ...options, labels: null });
  const { labels } = shown.train;
  const truth = whole.train.labels;
  const n = labels.length;
  const k = whole.classes.length;
  const model = await load(path, { backend });
  const picture = await gather(whole.train, range(0, n));
  const rows = async (head: string) => (await model.run(head, { picture })).data as Float32Array;
  const codes = pointsIn(await rows("code"), n, CODES);
  const pixels = pointsIn(await rows(PIXELS.head), n, PIXELS.space);
  for (const weight of WEIGHTS) {
    const points = weight === undefined ? pixels : weight === 0 ? codes : joined(codes, pixels, n, weight);
    const graph = neighbourGraph(nearestNeighbours(points, points.length / n, CODES.neighbours));
    const guesses = byMargin(poissonLearning(graph, labels, k), k);
    const hidden = [...labels.keys()].filter((i) => labels[i]! < 0);
    const found = hidden.filter((i) => guesses.classes[i] === truth[i]).length / hidden.length;
    const back = agreement(graph, labels, k)?.toFixed(3) ?? "";
    const row = {
      ...{ data: source, labels: JSON.stringify(amount), seed, minutes: minutes ?? "", joined: weight ?? "pixels" },
      ...{ found: found.toFixed(4), hidden_found: back, commit: commit() },
    };
    console.log(row);
    // In place of one of the same run and way of joining.
    putRow("codes.csv", row, 5);
  }
}
