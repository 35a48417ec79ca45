// What trained models tell and make beside classes: novelty, explanations, samples, angles and likelihoods.
import { records } from "../csv.ts";
import { percent, table } from "./cells.ts";

const share = (value: string | undefined): string => percent(Number(value));
const rounded = (value: string | undefined, places: number): string => Number(value).toFixed(places);

/** How well novelty tells pictures of another kind from those of a run's own test part. */
export const noveltyTable = (): string =>
  table(
    [
      "model",
      "trained on",
      "beside",
      "AUROC",
      "AUPR",
      "FPR at 95 %",
      "marked, own",
      "stated",
      "marked, others",
      "file",
    ],
    records("novelty.csv").map((row) => [
      ...[row.model!, row.own!, `${row.pictures} of ${row.novel}`],
      ...[rounded(row.auroc, 4), rounded(row.aupr, 4), `${share(row.fpr95)} %`],
      ...[`${share(row.own_alarms)} %`, `${share(row.stated)} %`, `${share(row.alarms)} %`, row.onnx_difference!],
    ]),
  );

/** Whether explanations hold for another network, and how much they change. */
export const explanationsTable = (): string =>
  table(
    [
      "model",
      "data",
      "pictures",
      "another network agrees",
      "its accuracy",
      "change, of that to the nearest",
      "s a picture",
      "commit",
    ],
    records("explain.csv").map((row) => [
      ...[row.model!, row.data!, row.pictures!, `${share(row.judge_agrees)} %`, `${share(row.judge_accuracy)} %`],
      ...[rounded(row.median_change_ratio, 2), rounded(row.seconds_alone, 2), row.commit!],
    ]),
  );

/** Pictures from the prior and from a mixture a class beside real ones. */
export const samplersTable = (): string =>
  table(
    ["model", "data", "sampler", "Fréchet distance", "of the class asked for"],
    records("samplers.csv").map(({ model, data, sampler, frechet, asked }) => [
      ...[model!, data!, sampler!, rounded(frechet, 2), asked ? `${share(asked)} %` : ""],
    ]),
  );

/** How far off angles are of pictures that are turned by a known one. */
export const angleTable = (): string =>
  table(
    ["class", "pictures", "mean error", "median error", "within 10°"],
    records("angle.csv").map((row) => [
      ...[row.class!, row.pictures!, `${row["mean error (degrees)"]}°`, `${row["median error (degrees)"]}°`],
      `${share(row["share within 10 degrees"])} %`,
    ]),
  );

/** How likely density models find test pictures. */
export const likelihoodTable = (): string =>
  table(
    ["model", "data", "pixels", "pictures", "draws", "nats", "with ten times the draws less by", "trained", "seed"],
    records("likelihood.csv").map((row) => [
      ...[row.model!, row.data!, row.pixels!, row.pictures!, row.draws!, `${row.nats} ± ${row.standard_error}`],
      ...[row.too_high!, `${row.minutes} min at ${row.gflops} GFLOP/s`, row.seed!],
    ]),
  );

/** The same in a line each. */
export const likelihoodLines = (): string =>
  records("likelihood.csv")
    .map(
      (row) =>
        `Likelihood: ${row.model} finds ${row.pixels === "dynamic" ? "dynamically" : "statically"} binarised ${row.data} at ${row.nats} ± ${row.standard_error} nats per picture, seed ${row.seed} ([docs/results.md](docs/results.md#likelihoods), \`results/likelihood.csv\`).`,
    )
    .join("\n");

/** What memory commands take. */
export const memoryTable = (): string =>
  table(
    ["command", "peak memory", "time", "images/s"],
    records("peak.csv").map((row) => [
      ...[`\`${row.command!.replace(/ --out \S+/, "")}\``, `${row.peak_mb} MB`, `${row.seconds} s`],
      row.images_per_second!,
    ]),
  );
