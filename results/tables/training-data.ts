// What is done about training data: few labels, rare classes, few pictures, wrong labels.

import { type Row, records } from "../csv.ts";
import { meanAndDeviation, percent, table } from "./cells.ts";

/** What a remedy against rare classes brings. */
export function imbalanceTable(): string {
  const runs = records("imbalance.csv");
  const variants = [...new Set(runs.map((run) => run.variant!))];
  return [
    "MNIST cut to 1,000 zeros down to 20 nines (50:1), equal steps, three seeds, from `results/imbalance.csv`:",
    "",
    table(
      ["", "balanced accuracy %", "recall of the rarest class %"],
      variants.map((variant) => {
        const own = runs.filter((run) => run.variant === variant);
        const of = (name: string) =>
          meanAndDeviation(
            own.map((run) => Number(run[name])),
            percent,
          );
        return [variant, of("balanced_accuracy"), of("rarest_recall")];
      }),
    ),
  ].join("\n");
}

/** How many labels a graph finds, by what its points are. */
export function spreadTable(): string {
  const runs = records("spread.csv");
  if (runs.length === 0) return "";
  const kinds = [...new Set(runs.map((run) => `${run.points},${run.axes}`))];
  const neighbours = [...new Set(runs.map((run) => Number(run.neighbours)))].sort((a, b) => a - b);
  const groups = [...new Set(runs.map((run) => `${run.data},${run.labels}`))];
  return [
    "Hidden labels found in per cent, mean ± standard deviation over draws of the labels, from `results/spread.csv`:",
    "",
    table(
      ["data", "labels a class", "points", "axes", ...neighbours.map((k) => `${k} neighbours`), "draws"],
      groups.flatMap((group) =>
        kinds.map((kind) => {
          const own = runs.filter(
            (run) => `${run.data},${run.labels},${run.points},${run.axes}` === `${group},${kind}`,
          );
          const cells = neighbours.map((k) => {
            const values = own.filter((run) => Number(run.neighbours) === k).map((run) => Number(run.found));
            return values.length === 0 ? "" : meanAndDeviation(values, percent);
          });
          return [...group.split(","), ...kind.split(","), ...cells, String(new Set(own.map((run) => run.seed)).size)];
        }),
      ),
    ),
  ].join("\n");
}

/** Accuracy with and without generated pictures. */
export function generatedTable(): string {
  const runs = records("generated.csv");
  if (runs.length === 0) return "";
  const fewLabels = records("classifiers.csv")
    .filter(({ id }) => id === "mnist-10-labels")
    .map(({ accuracy }) => Number(accuracy));
  const arms = [...new Set(runs.map((run) => run.arm!))];
  const groupOf = ({ data, per_class, steps }: Row) => `${data},${per_class},${steps}`;
  const groups = [...new Set(runs.map(groupOf))];
  return [
    "Test accuracy in per cent of the same classifier after equal steps, mean ± standard deviation over draws of the real pictures, from `results/generated.csv`:",
    "",
    table(
      ["data", "real pictures a class", "steps", ...arms, "draws"],
      groups.map((group) => {
        const own = runs.filter((run) => groupOf(run) === group);
        const cells = arms.map((arm) => {
          const values = own.filter((run) => run.arm === arm).map((run) => Number(run.accuracy));
          return values.length === 0 ? "" : meanAndDeviation(values, percent);
        });
        return [...group.split(","), ...cells, String(new Set(own.map((run) => run.draw)).size)];
      }),
    ),
    "",
    `\`vae\` that is given 10 labels a class of MNIST, and all other training pictures without labels, is right on ${meanAndDeviation(fewLabels, percent)} % of the test part.`,
  ].join("\n");
}

/** How many planted wrong labels are found. */
export function noiseLine(): string {
  const runs = records("label-noise.csv");
  const shares = runs.map((run) => 100 * Number(run.share));
  return `With 2 % of MNIST's training labels made wrong and a run of ${runs[0]?.epochs} epochs on all of them, ${meanAndDeviation(shares, (v) => v.toFixed(1))} % of the wrong ones are in the first 3 % of the list (seeds ${runs.map((run) => run.seed).join(", ")}; \`results/label-noise.csv\`).`;
}

/** What a trained run brings where there are few pictures of another kind. */
export function transferTable(): string {
  const runs = records("transfer.csv");
  const groupOf = ({ model, trained_on, data, per_class, epochs, way }: Row) =>
    [model!, trained_on!, data!, per_class!, epochs!, way!].join("|");
  return table(
    ["model", "trained on", "then on", "pictures a class", "epochs", "begins from", "test accuracy %", "draws"],
    [...new Set(runs.map(groupOf))].map((group) => {
      const own = runs.filter((run) => groupOf(run) === group).map(({ accuracy }) => Number(accuracy));
      return [...group.split("|"), meanAndDeviation(own, percent), String(own.length)];
    }),
  );
}
