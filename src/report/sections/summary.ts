// The report in words, for who reads nothing else: what was trained on what, how good and how sure it is, what it makes of unlike
// pictures, and what to do next.
import { percent } from "../judged.ts";
import { type Html, html } from "../markup.ts";
import type { UnlikePictures } from "./novelty.ts";

/** What was trained. */
export interface TrainedFacts {
  /** Name of the model and, where it is one of the list, what it is. */
  readonly model: string;
  readonly title?: string;
  /** Name of the data set. */
  readonly data: string;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly classes: number;
  /** Training pictures, and those of them with a label; absent in runs of versions that did not keep it. */
  readonly examples?: { readonly labelled: number; readonly unlabelled: number };
  /** Epochs, steps and seconds of training; absent where no log tells. Without steps where it was solved at once. */
  readonly length?: { readonly epochs: number; readonly steps?: number; readonly seconds: number };
}

/** How good its answers are. */
export interface AnswerFacts {
  /** Shares, 0..1: of right answers, with its 95 % interval, and of the most frequent class. */
  readonly accuracy: number;
  readonly interval: readonly [low: number, high: number];
  readonly majority: number;
  /** Pictures with a label. */
  readonly labelled: number;
  /** The class that is found least often, and its recall. */
  readonly weakest?: { readonly name: string; readonly recall: number; readonly n: number };
  /** What is mixed up most often. */
  readonly mixUp?: { readonly label: string; readonly answer: string; readonly count: number };
  /** Mean probability of the answers, and the expected calibration error, 0..1. */
  readonly confidence: number;
  readonly ece: number;
  /** Share of answers with at least `SURE` probability, and of right ones among them, 0..1. */
  readonly sure: { readonly share: number; readonly right: number };
  /** Labels that are probably wrong. */
  readonly labelIssues: number;
}

/** Everything that the summary tells. */
export interface SummaryFacts {
  readonly trained: TrainedFacts;
  /** Part that was evaluated, whether the model was trained on it, and its pictures. */
  readonly split: string;
  readonly isTrainedOn: boolean;
  readonly n: number;
  readonly answers?: AnswerFacts;
  /** Of a model that does not classify: its headline numbers as text. */
  readonly numbers: readonly string[];
  readonly novelty:
    | { readonly known: number; readonly falseAlarms: number; readonly unlike: readonly UnlikePictures[] }
    | { readonly lacking: string };
  /** Alarms of training. */
  readonly alarms: number;
  /** Whether the best checkpoint is that of the last of several epochs. */
  readonly stillImproving: boolean;
  /** Commands that use the run. */
  readonly commands: readonly string[];
}

/** Probability from which on an answer is called sure. */
export const SURE = 0.95;
/** Under so many steps a run is short, and under so many pictures an accuracy is uncertain. */
const [FEW_STEPS, FEW_PICTURES] = [500, 1000];
/** How far a class may lag behind the accuracy, and probabilities be off, before something is advised. */
const [LAG, OFF] = [0.1, 0.05];

export function summaryHtml(facts: SummaryFacts): Html {
  const { answers, novelty } = facts;
  const entries: [string, Html | undefined][] = [
    ["What", trainedHtml(facts.trained)],
    ["How good", answers ? goodHtml(facts, answers) : html`${numbersText(facts)}`],
    ["How sure", answers && sureHtml(answers)],
    ["Unlike pictures", "lacking" in novelty ? html`Not told: ${novelty.lacking}.` : unlikeHtml(novelty)],
    ["What next", nextHtml(facts)],
  ];
  return html`<dl class="words">${entries.flatMap(([name, text]) => (text ? [html`<dt>${name}</dt><dd>${text}</dd>`] : []))}</dl>`;
}

const count = (n: number): string => n.toLocaleString("en");

function trainedHtml({ model, title, data, height, width, channels, classes, examples, length }: TrainedFacts): Html {
  const kind = `${channels === 3 ? "colour" : "grey"} pictures of ${width} by ${height} pixels in ${classes} ${classes === 1 ? "class" : "classes"}`;
  const how = examples
    ? `${count(examples.labelled)} labelled ${examples.unlabelled > 0 ? `and ${count(examples.unlabelled)} unlabelled ` : ""}${kind}`
    : kind;
  return html`<b>${model}</b>${title ? ` (${title})` : ""}, trained on <b>${data}</b>: ${how}${length ? `, in ${lengthText(length)}` : ""}.`;
}

function lengthText({ epochs, steps, seconds }: NonNullable<TrainedFacts["length"]>): string {
  if (steps === undefined) return duration(seconds);
  return `${epochs} ${epochs === 1 ? "epoch" : "epochs"} (${count(steps)} steps, ${duration(seconds)})`;
}

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} seconds`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} minutes` : `${(seconds / 3600).toFixed(1)} hours`;
}

function goodHtml({ split, isTrainedOn, n }: SummaryFacts, a: AnswerFacts): Html {
  const [low, high] = a.interval.map((value) => percent(value, 2));
  const reach = isTrainedOn
    ? "it was trained on them: these numbers tell nothing of new pictures"
    : `with 95 % confidence it is ${low} to ${high} of such pictures`;
  const unlabelled = n > a.labelled ? ` (${count(n - a.labelled)} more have no label)` : "";
  const weakest = a.weakest
    ? ` Of its classes ${a.weakest.name} is found least often: ${percent(a.weakest.recall, 1)} of ${count(a.weakest.n)}.`
    : "";
  const mixed = a.mixUp
    ? ` The most frequent mistake is ${a.mixUp.label} taken for ${a.mixUp.answer} (${a.mixUp.count === 1 ? "once" : `${count(a.mixUp.count)} times`}).`
    : " It made no mistake.";
  return html`<b>${percent(a.accuracy, 2)}</b> of ${count(a.labelled)} ${split} pictures${unlabelled} are answered right; ${reach}. Always answering the most frequent class would be right for ${percent(a.majority, 1)}.${weakest}${mixed}`;
}

function numbersText({ split, n, numbers }: SummaryFacts): string {
  return `On ${count(n)} ${split} pictures: ${numbers.length > 0 ? numbers.join("; ") : "no number is told of this model"}.`;
}

function sureHtml({ confidence, accuracy, interval: [low, high], ece, sure }: AnswerFacts): Html {
  const off = confidence - accuracy;
  // What the accuracy may be is no more than chance beside it.
  const verdict =
    Math.abs(off) < 0.005 || (low <= confidence && confidence <= high)
      ? "as often right as it says"
      : off > 0
        ? "surer than it should be"
        : "less sure than it could be";
  const most =
    sure.share > 0
      ? ` It is at least ${percent(SURE)} sure of ${percent(sure.share, 1)} of the pictures, and right on ${percent(sure.right, 2)} of those.`
      : ` It is of no picture ${percent(SURE)} sure.`;
  return html`On average it is <b>${verdict}</b>: it gives its answers a probability of ${percent(confidence, 2)}, and ${percent(accuracy, 2)} are right (expected calibration error ${percent(ece, 2)}).${most}`;
}

function unlikeHtml({ known, falseAlarms, unlike }: Exclude<SummaryFacts["novelty"], { lacking: string }>): Html {
  const found = unlike.map(({ source, n, alarms }) => `${percent(alarms, 1)} of ${count(n)} ${source}`);
  return html`${found.length > 0 ? `An alarm is raised by ${found.join(" and ")}, and ` : "An alarm is raised "}by ${percent(known, 1)} of the evaluated pictures (at most ${percent(falseAlarms, 1)} was aimed at). Pictures of another kind that look much like those of training are harder to find.`;
}

function nextHtml(facts: SummaryFacts): Html {
  const lines = advice(facts).map((line) => html`<li>${line}</li>`);
  return html`${lines.length > 0 ? html`<ul>${lines}</ul>` : "Use it:"}<pre>${facts.commands.join("\n")}</pre>`;
}

/** What the numbers suggest, in order of weight. */
export function advice({ trained, split, isTrainedOn, answers, alarms, stillImproving }: SummaryFacts): string[] {
  const { weakest, ece = 0, labelIssues = 0, accuracy = 1, interval: [low, high] = [0, 0] } = answers ?? {};
  const steps = trained.length?.steps;
  const isShort = steps !== undefined && steps < FEW_STEPS;
  const rules: [boolean, string][] = [
    [alarms > 0, "Look at the alarms of training first: each says what to try."],
    [isShort, `Train longer: it took few steps (${steps}).`],
    [
      stillImproving && steps !== undefined && !isShort,
      "Training longer may help: the best checkpoint is that of the last epoch.",
    ],
    [isTrainedOn, "Evaluate on pictures that it was not trained on, as those of a test part."],
    [
      split !== "test" && !isTrainedOn,
      `Keep a test part: the ${split} pictures took part in making the model, so these numbers are a little too good.`,
    ],
    [
      answers !== undefined && answers.labelled < FEW_PICTURES && !isTrainedOn,
      `Test on more pictures: with ${answers?.labelled}, the accuracy is uncertain by ${percent((high - low) / 2, 1)} to either side.`,
    ],
    [
      // Of a model that has hardly begun, neither classes nor labels are to be judged.
      !isShort && weakest !== undefined && weakest.recall < accuracy - LAG,
      `Add training pictures of ${weakest?.name}, or weigh it more (--class-weights): it is found far less often than others.`,
    ],
    [ece > OFF, "Do not take the probabilities at their word: see how sure it is, and keep more validation pictures."],
    [
      !isShort && labelIssues > 0,
      `Look at the ${labelIssues} probable label ${labelIssues === 1 ? "error" : "errors"}; those of the training part are found by genclass data check SRC --run RUN.`,
    ],
  ];
  return rules.filter(([holds]) => holds).map(([, text]) => text);
}
