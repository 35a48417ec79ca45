// What is done about training data: rare classes, few pictures, wrong labels.
import { meanAndDeviation, row } from "./cells.ts";
import { records } from "./files.ts";

/** What a remedy against rare classes brings. */
export function imbalanceTable(): string {
  const runs = records("imbalance.csv");
  const percent = (name: string, own: typeof runs) =>
    meanAndDeviation(
      own.map((run) => 100 * Number(run[name])),
      (v) => v.toFixed(2),
    );
  const variants = [...new Set(runs.map((run) => run.variant!))];
  return [
    "MNIST cut to 1,000 zeros down to 20 nines (50:1), equal steps, three seeds, from `results/imbalance.csv`:",
    "",
    row(["", "balanced accuracy %", "recall of the rarest class %"]),
    row(Array(3).fill("---")),
    ...variants.map((variant) => {
      const own = runs.filter((run) => run.variant === variant);
      return row([variant, percent("balanced_accuracy", own), percent("rarest_recall", own)]);
    }),
  ].join("\n");
}

/** Accuracy with and without generated pictures. */
export function generatedTable(): string {
  const runs = records("generated.csv");
  if (runs.length === 0) return "";
  const arms = [...new Set(runs.map((run) => run.arm!))];
  const groups = [...new Set(runs.map((run) => `${run.data},${run.per_class}`))];
  return [
    "Test accuracy in per cent of the same classifier after equal steps, mean ± standard deviation over draws of the real pictures, from `results/generated.csv`:",
    "",
    row(["data", "real pictures a class", ...arms, "draws"]),
    row(Array(arms.length + 3).fill("---")),
    ...groups.map((group) => {
      const own = runs.filter((run) => `${run.data},${run.per_class}` === group);
      const cells = arms.map((arm) => {
        const values = own.filter((run) => run.arm === arm).map((run) => 100 * Number(run.accuracy));
        return values.length === 0 ? "" : meanAndDeviation(values, (v) => v.toFixed(2));
      });
      return row([...group.split(","), ...cells, String(new Set(own.map((run) => run.draw)).size)]);
    }),
  ].join("\n");
}

/** How many planted wrong labels are found. */
export function noiseLine(): string {
  const runs = records("label-noise.csv");
  const shares = runs.map((run) => 100 * Number(run.share));
  return `With 2 % of MNIST's training labels made wrong and a run of ${runs[0]?.epochs} epochs on all of them, ${meanAndDeviation(shares, (v) => v.toFixed(1))} % of the wrong ones are in the first 3 % of the list (seeds ${runs.map((run) => run.seed).join(", ")}; \`results/label-noise.csv\`).`;
}
