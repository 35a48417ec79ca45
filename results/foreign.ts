// What pictures that belong to no class cost among those without a label: npx tsx results/foreign.ts [--minutes M] [--draws N] trains `vae`
// on 10 labels a class of MNIST, alone and with as many pictures of CIFAR-10 in grey, cut to 28x28, as are 20 % of all without a label, and
// adds a line each to results/foreign.csv. `told` is the share that the run says belongs to no class; empty where it says nothing.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Dataset, gather, type ImageSet, range } from "../src/data/dataset.ts";
import { concatenated } from "../src/data/pixels.ts";
import { withLabels } from "../src/data/splits.ts";
import { evaluate, inMemory, load, nativeBackend, open, train } from "../src/node.ts";
import { addRow, commit, fixed } from "./csv.ts";
import { measured } from "./machine.ts";

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "15" }, draws: { type: "string", default: "3" } },
});
const minutes = Number(values.minutes);
const LABELS = 10;
/** Of the pictures without a label. */
const SHARE = 0.2;
const [SIDE, CUT] = [32, 28];

/** The middle of colour pictures of 32x32, in grey by the weights of ITU-R BT.601. */
function inGrey(bytes: Uint8Array): Uint8Array {
  const n = bytes.length / (SIDE * SIDE * 3);
  const border = (SIDE - CUT) / 2;
  return Uint8Array.from({ length: n * CUT * CUT }, (_, p) => {
    const [i, row, column] = [Math.floor(p / CUT ** 2), Math.floor((p % CUT ** 2) / CUT), p % CUT];
    const at = ((i * SIDE + row + border) * SIDE + column + border) * 3;
    return Math.round(0.299 * bytes[at]! + 0.587 * bytes[at + 1]! + 0.114 * bytes[at + 2]!);
  });
}

const backend = nativeBackend();
const { gflops } = measured();
const root = mkdtempSync(join(tmpdir(), "genclass-foreign-"));
for (const draw of range(0, Number(values.draws))) {
  const whole = await open("mnist", { seed: draw });
  const known = withLabels(whole, LABELS, draw).train;
  const without = known.labels.filter((label) => label < 0).length;
  const { train: cifar } = await open("cifar10", { seed: draw });
  const count = Math.round((SHARE / (1 - SHARE)) * without);
  const pictures = inGrey(await gather(cifar, range(0, count)));
  const more: ImageSet = {
    ...known,
    pixels: concatenated([known.pixels, inMemory(known.pixels.size, pictures)]),
    labels: Int32Array.from([...known.labels, ...new Int32Array(count).fill(-1)]),
  };
  for (const [name, part] of [
    ["none", known],
    ["cifar10", more],
  ] as const) {
    const data: Dataset = { ...whole, train: part };
    const out = join(root, `${draw}-${name}`);
    let told = "";
    for await (const event of train("vae", { data, out, minutes, seed: draw, backend }))
      if (event.type === "note") told = /something is in there.*?: ([\d.]+) %/.exec(event.text)?.[1] ?? told;
    const model = await load(out, { backend });
    const { metrics } = await evaluate(model, whole.test!, whole.classes);
    await model.dispose();
    const row = {
      ...{ model: "vae", data: whole.name, labels: LABELS, draw, foreign: name, pictures: name === "none" ? 0 : count },
      ...{ told, minutes, gflops: gflops.toFixed(0), ...fixed({ accuracy: metrics.accuracy! }, 4), commit: commit() },
    };
    addRow("foreign.csv", row);
    process.stderr.write(`${Object.values(row).join("  ")}\n`);
  }
}
rmSync(root, { recursive: true });
