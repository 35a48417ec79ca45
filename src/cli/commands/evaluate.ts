import { join } from "node:path";
import type { Command } from "commander";
import { fail } from "../../base/errors.ts";
import { shellWord } from "../../base/shell.ts";
import { type Dataset, fingerprintHas, type ImageSet, PARTS, type Part } from "../../data/dataset.ts";
import { open } from "../../data/open.ts";
import { meanScores } from "../../metrics/classification.ts";
import { formatMetric, type MetricInfo } from "../../metrics/metric.ts";
import { requireHead } from "../../models/heads.ts";
import { chooseBackend, load, type NodeModel } from "../../node.ts";
import { type Evaluation, evaluate, withFindings } from "../../predict/evaluate.ts";
import { type JudgedSamples, judgedFindings, judgeSamples, requireJudge } from "../../predict/judge.ts";
import { translatesToClasses, translationFindings } from "../../predict/judge-translations.ts";
import {
  BINARISATIONS,
  type Binarisation,
  estimateLikelihood,
  type LikelihoodEstimate,
  likelihoodFindings,
  likelihoodText,
  requireLikelihood,
} from "../../predict/likelihood.ts";
import { DRAWN_PICTURES, findNovel, type NovelFound } from "../../predict/novel.ts";
import { RunFolder } from "../../run/folder.ts";
import { lossFindings } from "../../run/held-out-losses.ts";
import { choice, integer, text } from "../../run/option-types.ts";
import { recordEvaluation } from "../../run/record.ts";
import { argument } from "../args.ts";
import { freeName } from "../files.ts";
import { novelPictures } from "../novel-pictures.ts";
import { bold, openLine, print, printJson, table, warn } from "../render.ts";
import { ownData, sourceOf } from "../sources.ts";

/** Declares the arguments and options of the command. */
export function define(command: Command): void {
  command
    .argument("<run>", "a run folder")
    .option("--data <source>", "other data than the run was trained on", argument(text("a name or a path")))
    .option(
      "--split <name>",
      `${PARTS.join(", ")} (default: test, or validation where the run's data has no test part)`,
      argument(choice(PARTS)),
    )
    .option(
      "--likelihood [pixels]",
      "estimate the likelihood too. static: of pixels that are 0 or 1 in the data, or are drawn once and for all with the grey level as probability; dynamic: of pixels drawn for this estimate; neither: of pixels as the model learnt them",
      argument(choice(BINARISATIONS)),
    )
    .option(
      "--samples <n>",
      `latent vectors a picture for the likelihood (default: ${LIKELIHOOD_SAMPLES})`,
      argument(integer(1, 1_000_000)),
    )
    .option("--pictures <n>", "of the part, whose likelihood is estimated (default: all)", argument(integer(1, 1e9)))
    .option(
      "--novel <source>",
      `tell how well novelty finds other pictures: those of a folder or of another source, or drawn ones (${DRAWN_PICTURES.join(", ")})`,
      argument(text("a name or a path")),
    )
    .option(
      "--judge <run>",
      "compare samples with real pictures by the features of a classifier's run, and ask it for the class of translations",
      argument(text("a run folder")),
    )
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      "\nThe report and its pictures go to RUN/evaluations/, numbered.\n\nExample:\n  genclass evaluate runs/first\n  genclass evaluate runs/first --novel fashion-mnist\n  genclass evaluate runs/density --likelihood dynamic --samples 200\n",
    )
    .action(run);
}

/** Enough for digits of MNIST: ten times as many give some tenths of a nat. */
const LIKELIHOOD_SAMPLES = 200;

interface Options {
  data?: string;
  split?: Part;
  /** `true` where no pixels are named. */
  likelihood?: Binarisation | true;
  samples?: number;
  pictures?: number;
  novel?: string;
  judge?: string;
  json?: boolean;
}

async function run(path: string, options: Options): Promise<void> {
  for (const name of ["samples", "pictures"] as const)
    if (options[name] !== undefined && !options.likelihood)
      fail(
        "E_USAGE",
        `--${name} is of the likelihood: give --likelihood static, dynamic or alone too, or leave it out`,
      );
  const folder = RunFolder.open(path);
  const model = await load(path, chooseBackend());
  const { data, split, set } = await partOf(folder, options);
  const own = options.data === undefined ? data.train : undefined;
  // What is asked for is looked for before the work begins.
  const asked = await prepare(folder, model, set, options);
  const found = await lookAt(folder, model, { data, set, own }, asked, options);
  if (options.json) printJson(documentOf(path, split, found));
  else showFound(split, found);
  const { writeReport } = await import("../../run/report.ts");
  const out = freeName(join(path, "evaluations", options.data === undefined ? split : `${split}-of-${data.name}`));
  // The report of the run itself, which training wrote, stays.
  const place = {
    config: folder.config,
    path,
    events: () => folder.events(),
    file: (...parts: string[]) => join(out, ...parts),
  };
  const { novel, judged } = found;
  const report = await writeReport(place, model, own, split, found.all, warn, {
    unlike: novel && [{ ...novel, source: `pictures of ${novel.source}` }],
    samples: judged,
  });
  if (own) await recordEvaluation(folder, model, split, found.ofPart, warn);
  await model.dispose();
  if (!options.json && report) print(`report: ${bold(report)}`);
}

/** The part of the data that is asked for: where nothing is said, the one that training looks at when it ends. */
async function partOf(folder: RunFolder, options: Options): Promise<{ data: Dataset; split: Part; set: ImageSet }> {
  const hasTest = options.data !== undefined || fingerprintHas(folder.config.data.fingerprint, "test");
  const { split = hasTest ? "test" : "validation" } = options;
  const source = options.data ?? sourceOf(folder);
  const data = await (options.data === undefined
    ? ownData(folder, source, split, `evaluate on it as it is with --data ${shellWord(source)}`)
    : otherData(folder, source));
  const set = data[split];
  if (set) return { data, split, set };
  const parts = PARTS.flatMap((part) => (data[part] ? [`${part} (${data[part].labels.length} pictures)`] : []));
  return fail("E_DATA_EMPTY", `${source} has no ${split} part; it has ${parts.join(" and ")}: choose with --split`);
}

/** What an evaluation needs beside the part: it is there, and fits the model. */
interface Asked {
  readonly novelSet?: Awaited<ReturnType<typeof novelPictures>>;
  readonly judge?: NodeModel;
}

async function prepare(folder: RunFolder, model: NodeModel, set: ImageSet, options: Options): Promise<Asked> {
  const { novel, likelihood } = options;
  if (novel !== undefined && "lacking" in model.novelty)
    fail("E_HEAD", `--novel: ${folder.path} tells no novelty: ${model.novelty.lacking}`);
  if (likelihood) requireLikelihood(model, likelihood === true ? undefined : likelihood);
  const novelSet =
    novel === undefined
      ? undefined
      : await novelPictures(model, novel, set.labels.length, (other) => otherData(folder, other));
  const judge = options.judge === undefined ? undefined : await load(options.judge, chooseBackend());
  if (judge) {
    if (!translatesToClasses(model)) requireHead(model.heads, "sample");
    requireJudge(model, judge);
  }
  return { novelSet, judge };
}

/** What was found. */
interface Found {
  /** All numbers. */
  readonly all: Evaluation;
  /** Those of the whole part: not a likelihood of some of its pictures. */
  readonly ofPart: Evaluation;
  /** Those that are shown in one table: what is found of samples has one of its own. */
  readonly shown: Evaluation;
  readonly likelihood?: LikelihoodEstimate;
  readonly novel?: NovelFound & { readonly source: string };
  readonly judged?: JudgedSamples;
}

/** The pictures. */
interface Looked {
  readonly set: ImageSet;
  /** What they are part of. */
  readonly data: Dataset;
  /** Those that the model was trained on, where they are at hand. */
  readonly own?: ImageSet;
}

async function lookAt(
  folder: RunFolder,
  model: NodeModel,
  { set, data, own }: Looked,
  { novelSet, judge }: Asked,
  options: Options,
): Promise<Found> {
  // It comes first, as it refuses pictures that the model does not take.
  const evaluated = await evaluate(model, set, data.classes);
  const losses = await lossFindings(folder, { data, set }, model.backend);
  const { samples = LIKELIHOOD_SAMPLES, pictures } = options;
  const binarisation = options.likelihood === true ? undefined : options.likelihood;
  const likelihood = options.likelihood
    ? await estimateLikelihood(model, set, samples, { binarisation, pictures })
    : undefined;
  const novel = novelSet && { source: options.novel!, ...(await findNovel(model, evaluated.novelty!, novelSet)) };
  const judged = judge && model.has("sample") ? await judgeSamples(model, judge, evaluated.set, own) : undefined;
  const translated = judge ? await translationFindings(model, judge, evaluated.set) : [];
  await judge?.dispose();
  const likely = likelihood ? likelihoodFindings(likelihood) : [];
  const ofPictures = withFindings(evaluated, [...translated, ...losses]);
  const ofSamples = judged ? judgedFindings(judged) : [];
  const all = withFindings(ofPictures, [...likely, ...ofSamples]);
  return {
    ...{ all, ofPart: likelihood?.n === evaluated.n ? all : withFindings(ofPictures, ofSamples) },
    shown: withFindings(ofPictures, likely),
    ...{ likelihood, novel, judged },
  };
}

/** What `--json` prints. */
const documentOf = (run: string, split: Part, { all, likelihood, novel, judged }: Found) => ({
  ...{ run, split, n: all.n, metrics: all.metrics, intervals: all.intervals },
  ...(likelihood ? { likelihood } : {}),
  ...(all.classification ? { classes: all.classification.classes, confusion: all.classification.confusion } : {}),
  ...(novel ? { novel: told(novel) } : {}),
  ...(judged ? { samples: judged } : {}),
});

function showFound(split: Part, { shown, likelihood, novel, judged }: Found): void {
  showEvaluation(split, shown);
  if (likelihood) print(`${likelihoodText(likelihood)}\n`);
  if (novel) showNovel(novel);
  if (judged) showJudged(judged);
}

/** Other data, read as the run read its own. */
function otherData({ config: { data, seed } }: RunFolder, source: string): Promise<Dataset> {
  return open(source, {
    image: data.image ?? (data.channels === 3 ? { height: data.height, width: data.width } : undefined),
    resize: data.resize,
    pairs: data.pairs ?? undefined,
    validation: data.validation,
    seed,
    progress: openLine,
  });
}

/** Pictures for each feature, at least, of which a covariance can be told. */
const FEATURE_PICTURES = 5;

/** What is printed of what is found: the scores are for the report. */
const told = ({ scores: _, ...novel }: NovelFound & { readonly source: string }) => novel;

function showNovel({ source, n, intervals, ...found }: Omit<NovelFound, "scores"> & { readonly source: string }): void {
  const shown = (name: keyof typeof intervals) => [
    found[name].toFixed(5),
    intervals[name].map((end) => end.toFixed(5)).join(" to "),
  ];
  print(
    table([
      ["", "", "95 % interval", ""],
      [
        "AUROC",
        ...shown("auroc"),
        `${n} pictures of ${source} against the pictures above, by novelty; higher is better`,
      ],
      ["AUPR", ...shown("aupr"), "average precision of finding them; higher is better"],
      [
        "FPR95",
        ...shown("fpr95"),
        "share of the pictures above that is marked where 95 % of them are; lower is better",
      ],
      ["alarms", ...shown("alarms"), "share of them past the threshold of novelty"],
    ]),
  );
  print();
}

function showJudged({ n, features, classes, copying, ...found }: JudgedSamples): void {
  const shown = (value: number | undefined) => (value === undefined ? "" : value.toPrecision(4));
  print(
    table([
      [
        "Fréchet distance",
        shown(found.frechetDistance),
        `${n} samples and real pictures, ${features} features; 0 for equals`,
      ],
      ["kernel distance", shown(found.kernelDistance), "0 on average for equals"],
      ["precision", shown(found.precision), "samples near real pictures"],
      ["recall", shown(found.recall), "real pictures near samples"],
      ["density", shown(found.density), "1 for equals; possibly above"],
      ["coverage", shown(found.coverage), "real pictures with a sample nearby; about 0.97 for equals"],
      ["spread", shown(found.spread), "distance between samples, over that between real pictures"],
      [
        "class entropy",
        shown(found.classEntropy),
        "1 where the judge finds all classes equally often; below 0.85 some are missing",
      ],
      ...(found.askedClass === undefined
        ? []
        : [["asked class", shown(found.askedClass), "samples taken for the class asked for"]]),
      ...(copying
        ? [
            [
              "copies",
              copying.copies ? "yes" : "no",
              `distance to training pictures ${shown(copying.medianRatio)} of real ones'; ${shown(copying.nearShare)} are nearer than all but 1 %`,
            ],
          ]
        : []),
    ]),
  );
  print();
  const rows = classes.map((c) => [
    c.name,
    String(c.real),
    String(c.generated),
    shown(c.density),
    shown(c.coverage),
    shown(c.spread),
  ]);
  print(table([["class", "real", "samples", "density", "coverage", "spread"], ...rows]));
  print();
  if (n < FEATURE_PICTURES * features)
    warn(
      `${n} pictures are few for ${features} features: the Fréchet distance is too large; compare equal numbers only`,
    );
}

/** The numbers as people read them. */
export function showEvaluation(split: string, { n, known, metrics, classification }: Evaluation): void {
  const percent = (value: number) => (100 * value).toFixed(2);
  const first = known.find(({ name, headline }) => headline && metrics[name] !== undefined);
  print(
    `${first ? `${bold(`${first.title} ${formatMetric(first, metrics[first.name]!)}`)} on ` : ""}${n} ${split} pictures`,
  );
  if (classification) {
    const [low, high] = classification.accuracyInterval.map(percent);
    print(`with 95 % confidence, the accuracy on such pictures is ${low} to ${high} %`);
  }
  print();
  if (classification) {
    const mean = { name: "mean", ...meanScores(classification.classes) };
    const rows = [...classification.classes, mean].map((c) => [
      c.name,
      percent(c.precision),
      percent(c.recall),
      percent(c.f1),
      String(c.support),
    ]);
    print(table([["class", "precision %", "recall %", "F1 %", "pictures"], ...rows]));
    print();
  }
  const meaning = ({ title, better, unit }: MetricInfo) =>
    `${title}${unit === "share" ? ", as a share of 1" : unit && `, ${unit}`}${better === "neither" ? "" : `; ${better} is better`}`;
  const told = new Map(known.map((metric) => [metric.name, meaning(metric)]));
  print(table(Object.entries(metrics).map(([name, value]) => [name, value.toPrecision(5), told.get(name) ?? ""])));
  print();
}
