// Whether a trained run helps with other pictures, of which there are few: npx tsx results/transfer.ts RUN DATA [--per-class N] [--epochs N]
// [--draws N] [--keep PREFIX,…] adds a line for each draw of N pictures a class (50) and way to begin to results/transfer.csv: from
// nothing, from RUN, and from RUN with the parameters under the prefixes left as they are. Model and options are those of RUN, steps are as
// many in each way; 500 validation pictures choose a run's checkpoint. The test part is looked at once, when a run has ended. Lines that
// are there are not measured again: a call that was stopped goes on.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { scattered } from "../src/base/scattered.ts";
import { range, subset } from "../src/data/dataset.ts";
import { withLabels } from "../src/data/splits.ts";
import { evaluate, load, nativeBackend, open, RunFolder, train } from "../src/node.ts";
import { addRow, commit, fixed, type Row, records } from "./csv.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    "per-class": { type: "string", default: "50" },
    epochs: { type: "string", default: "60" },
    draws: { type: "string", default: "5" },
    keep: { type: "string", default: "encoder/net,discriminator/net" },
  },
});
const [from, name] = positionals;
if (from === undefined || name === undefined)
  throw new Error(
    "usage: npx tsx results/transfer.ts RUN DATA [--per-class N] [--epochs N] [--draws N] [--keep PREFIX,…]",
  );
/** Validation pictures, of all classes, that choose the checkpoint of a run. */
const VALIDATION = 500;

const { config } = RunFolder.open(from);
const perClass = Number(values["per-class"]);
const backend = nativeBackend();
const root = mkdtempSync(join(tmpdir(), "genclass-transfer-"));
const isThere = (row: Row) =>
  records("transfer.csv").some((other) => Object.entries(row).every(([name, value]) => other[name] === String(value)));
for (const draw of range(0, Number(values.draws))) {
  const whole = await open(name, { seed: draw });
  const { train: chosen } = withLabels(whole, perClass, draw);
  const held = whole.validation!.labels.length;
  const labelled = range(0, chosen.labels.length).filter((i) => chosen.labels[i]! >= 0);
  const few = {
    ...whole,
    train: subset(chosen, labelled),
    validation: subset(whole.validation!, scattered(held, Math.min(held, VALIDATION))),
  };
  for (const [way, more] of [
    ["nothing", {}],
    ["run", { from }],
    ["run and features kept", { from, freeze: values.keep.split(",") }],
  ] as const) {
    const task = {
      ...{ model: config.model, trained_on: config.data.source, data: whole.name, per_class: perClass, draw, way },
      epochs: values.epochs,
    };
    if (isThere(task)) continue;
    const out = join(root, `${draw}-${way}`);
    for await (const _ of train(config.model, {
      ...{ data: few, out, options: config.options, epochs: Number(values.epochs), seed: draw, backend },
      ...more,
    }));
    const model = await load(out, { backend });
    const { metrics } = await evaluate(model, whole.test!, whole.classes);
    await model.dispose();
    const row = { ...task, ...fixed({ accuracy: metrics.accuracy! }, 4), commit: commit() };
    addRow("transfer.csv", row);
    process.stderr.write(`${Object.values(row).join("  ")}\n`);
  }
}
rmSync(root, { recursive: true });
