// The report of an evaluated run: in words, numbers, curves and pictures. Files go into the run folder.
import { makeFolder } from "../base/writing.ts";
import type { ImageSet } from "../data/dataset.ts";
import { formatMetric, type MetricInfo } from "../metrics/metric.ts";
import { shareOfAlarms } from "../metrics/novelty.ts";
import type { Evaluation } from "../predict/evaluate.ts";
import type { TrainedModel } from "../predict/trained.ts";
import { type ReportPictures, type ReportSection, reportHtml } from "../report/html.ts";
import { judge } from "../report/judged.ts";
import { forPage } from "../report/pictures.ts";
import { latentMapSection } from "../report/sections/latent-map.ts";
import { noveltySection, type UnlikePictures } from "../report/sections/novelty.ts";
import { type SeenSamples, samplesSection } from "../report/sections/samples.ts";
import { type SummaryFacts, summaryHtml } from "../report/sections/summary.ts";
import { Thumbnails } from "../report/thumbnails.ts";
import { noveltyChart } from "./charts.ts";
import { issuesOf, matrixSection, pictureSections, probabilitySections, thumbnailStyle } from "./class-sections.ts";
import { writeAtomically } from "./files.ts";
import type { RunFolder } from "./folder.ts";
import { latentMap } from "./latent-map.ts";
import { useCommands } from "./repeat.ts";
import { ReportMaker } from "./report-maker.ts";
import { alarmSection, costSection, numbersSection, repeatSection, trainingSection } from "./run-sections.ts";
import { EPOCHS, trainingFilm } from "./sample-sheets.ts";
import { sheetsOf } from "./sheets.ts";
import { answerFacts, numbersInWords, stillImproving, trainedFacts } from "./summary-facts.ts";
import { unlikePictures } from "./unlike.ts";

/** Pictures on the map, and their share of those that a page can show singly, at most. */
const [MAPPED, MAPPED_SHARE] = [500, 0.3];

/**
 * Writes `report.html`, and its charts and sheets of pictures as files of their own. What of it fails is left out and told:
 * the run that it shows is none the worse.
 * @param train the pictures that the model was trained on, where they are at hand
 * @param split name of the part that was evaluated; `train`, with `train` at hand, are the pictures that the model was trained on
 * @param tell is called with a line for each part that failed
 * @param also what else was looked at: pictures of another kind than the model knows, and samples by another network
 * @returns the path of the report; undefined when it could not be written
 */
export async function writeReport(
  run: Pick<RunFolder, "config" | "events" | "file" | "path">,
  model: TrainedModel,
  train: ImageSet | undefined,
  split: string,
  found: Evaluation,
  tell: (line: string) => void,
  also: { readonly unlike?: readonly UnlikePictures[]; readonly samples?: SeenSamples } = {},
): Promise<string | undefined> {
  const { config } = run;
  const maker = new ReportMaker((...parts) => run.file(...parts), tell);
  await maker.attempt("its folders", () => {
    for (const part of ["plots", "samples"]) makeFolder(run.file(part));
  });
  const pictures = await sheets(maker, model, found, train);
  const events = (await maker.attempt("the curves of training", () => run.events())) ?? [];
  const thumbnails = new Thumbnails(model.spec);
  const { classification } = found;
  const judged = classification && judge(found.set, classification.probabilities, model.spec.classes, split);
  const isTrainedOn = train !== undefined && split === "train";
  const answers = judged && { judged, issues: isTrainedOn ? undefined : issuesOf(judged) };
  // Pictures are taken for the page in this order, and the matrix takes what is left.
  const single = answers ? await pictureSections(maker, model, found, answers, thumbnails) : [];
  const map = await mapSection(maker, model, found, thumbnails);
  const matrix = judged ? [await matrixSection(maker, classification, judged, thumbnails)] : [];
  const probabilities = judged ? await probabilitySections(maker, classification, judged) : [];
  const novelty = await noveltyOf(maker, model, found, also.unlike ?? []);
  const values = found.known.flatMap((metric): [MetricInfo, number][] => {
    const value = found.metrics[metric.name];
    return value === undefined ? [] : [[metric, value]];
  });
  const sections: ReportSection[] = [
    ...[...matrix, ...single, ...probabilities, ...novelty.sections, ...map],
    ...(pictures.length > 0 ? [{ title: "Pictures", pictures }] : []),
    ...(also.samples ? [samplesSection(also.samples)] : []),
    ...alarmSection(events),
    ...(await trainingSection(maker, events)),
    numbersSection(split, found.n, values, found.intervals),
    ...costSection(events),
    repeatSection(config),
  ];
  const summary = summaryHtml({
    trained: trainedFacts(config, events),
    ...{ split, isTrainedOn, n: found.n },
    answers: answers && answerFacts(found, classification!, answers),
    numbers: numbersInWords(values),
    novelty: novelty.facts,
    alarms: events.filter((event) => event.type === "alarm" && event.state === "begins").length,
    stillImproving: stillImproving(events),
    commands: useCommands(run.path, Object.keys(model.heads)),
  });
  const style = (await maker.attempt("its single pictures", () => thumbnailStyle(thumbnails, found))) ?? "";
  return maker.attempt("its page", () => {
    const file = run.file("report.html");
    const { data, seed } = config;
    const lead = `${config.model} on ${data.name} (${data.height}x${data.width}x${data.channels}, ${data.classes.length} classes), seed ${seed}`;
    const cards = values
      .filter(([{ headline }]) => headline)
      .map(([metric, value]): [string, string] => [metric.title, formatMetric(metric, value)]);
    const title = `genclass: ${config.model} on ${data.name}`;
    writeAtomically(file, reportHtml(title, lead, cards, sections, { summary, style }));
    return file;
  });
}

/** The film of training, and the sheets that the model has. */
async function sheets(
  maker: ReportMaker,
  model: TrainedModel,
  found: Evaluation,
  train: ImageSet | undefined,
): Promise<ReportPictures[]> {
  const pictures: ReportPictures[] = [];
  const film = await maker.attempt("the film of training", async () => {
    const of = model.has("sample") ? "Samples of the same noise" : "Translations of the same pictures";
    const made = await trainingFilm(maker.file("samples", EPOCHS), of);
    if (made) writeAtomically(maker.file("samples", "training.webp"), [made.webp]);
    return made;
  });
  if (film) pictures.push({ data: film.webp, type: "image/webp", caption: film.caption });
  for (const { file, make } of sheetsOf(model, found, train)) {
    const sheet = await maker.attempt(`the pictures ${file}`, async () => {
      const made = await make();
      if (!made) return undefined;
      writeAtomically(maker.file("samples", file), [made.png]);
      return { ...(await forPage(made.png)), caption: made.caption };
    });
    if (sheet) pictures.push(sheet);
  }
  return pictures;
}

async function mapSection(
  maker: ReportMaker,
  model: TrainedModel,
  found: Evaluation,
  thumbnails: Thumbnails,
): Promise<ReportSection[]> {
  const most = Math.min(MAPPED, Math.floor(MAPPED_SHARE * thumbnails.most));
  const map = await maker.attempt("the map of pictures", () => latentMap(model, found, most));
  return map ? [latentMapSection(map, model.spec.classes, thumbnails)] : [];
}

/** What novelty tells, as a section and for the summary. */
async function noveltyOf(
  maker: ReportMaker,
  model: TrainedModel,
  { novelty: scores }: Evaluation,
  given: readonly UnlikePictures[],
): Promise<{ sections: ReportSection[]; facts: SummaryFacts["novelty"] }> {
  const basis = model.novelty;
  if ("lacking" in basis) return { sections: [], facts: basis };
  if (!scores) return { sections: [], facts: { lacking: "it was not computed" } };
  const drawn = (await maker.attempt("the novelty of drawn pictures", () => unlikePictures(model, scores))) ?? [];
  const unlike = [...given, ...drawn];
  const { falseAlarms } = basis;
  const known = shareOfAlarms(scores);
  const charts = await maker.draw([noveltyChart(scores, unlike)]);
  return { sections: [noveltySection(known, falseAlarms, unlike, charts)], facts: { known, falseAlarms, unlike } };
}
