// The sheets of pictures in a report: what a model's heads make of the evaluated pictures.
import { gather, type ImageSet, keptPartner } from "../data/dataset.ts";
import { toBytes } from "../data/picture.ts";
import { turnPicture } from "../data/turn.ts";
import type { Evaluation } from "../predict/evaluate.ts";
import type { TrainedModel } from "../predict/trained.ts";
import { Random } from "../random/random.ts";
import { gridPng, inRows } from "../report/pictures.ts";
import { interpolations, type SheetPictures, traversals } from "./latent-sheets.ts";
import { nearestTraining, sampleInterpolations } from "./sample-sheets.ts";

/** Pictures on a sheet, and in a row of it. */
const PICTURES = 40;
const COLUMNS = 10;

/** A sheet that a report may have. */
export interface Sheet {
  /** Name of its file. */
  readonly file: string;
  /** Computes it: the sheet as PNG; undefined where there is nothing to show. */
  make(): Promise<{ readonly caption: string; readonly png: Buffer } | undefined>;
}

/**
 * The sheets that a model has for an evaluated set; nothing is computed before one is made.
 * @param train the pictures that it was trained on, where they are at hand
 */
export function sheetsOf(model: TrainedModel, found: Evaluation, train?: ImageSet): Sheet[] {
  const sheet = (file: string, pictures: () => Promise<SheetPictures | undefined>): Sheet => ({
    file,
    async make() {
      const made = await pictures();
      return made && { caption: made.caption, png: await gridPng(made.pixels, model.spec, made.columns ?? COLUMNS) };
    },
  });
  const hasCodes = model.has("encode") && model.has("decode");
  return [
    ...(model.has("reconstruct") ? [sheet("reconstructions.png", () => reconstructions(model, found))] : []),
    ...(model.has("translate") ? [sheet("translations.png", () => translations(model, found))] : []),
    ...(model.has("canonical") ? [sheet("upright.png", () => turnedUpright(model, found))] : []),
    ...(model.has("sample") ? [sheet("generated.png", () => generated(model))] : []),
    ...(model.has("sample") && train ? [sheet("nearest.png", () => nearestTraining(model, train))] : []),
    ...(model.has("sample") && !hasCodes ? [sheet("interpolations.png", () => sampleInterpolations(model))] : []),
    ...(hasCodes && found.n > 1
      ? [
          sheet("interpolations.png", () => interpolations(model, found)),
          sheet("traversals.png", () => traversals(model, found)),
        ]
      : []),
  ];
}

async function reconstructions(model: TrainedModel, { set }: Evaluation): Promise<SheetPictures> {
  const order = new Random(0, "report pictures").permutation(set.labels.length).slice(0, PICTURES);
  const pixels = await gather(set, order);
  const again = toBytes((await model.reconstruct(pixels)).data);
  return {
    caption: "Pictures, and below each row its reconstructions",
    pixels: inRows(pixels, again, order.length, COLUMNS),
  };
}

/** Triples in a row of a sheet of translations; pictures that become each class, and those classes, at most. */
const [TRIPLES, TO_CLASSES, MOST_CLASSES] = [4, 12, 20];

/** What a model makes of pictures: of each pair of pictures beside what it should be, or of each picture as every class. */
async function translations(model: TrainedModel, { set }: Evaluation): Promise<SheetPictures | undefined> {
  const partner = keptPartner(set);
  const isTold = model.heads.translate!.takes.includes("label");
  if (!isTold && !partner) return undefined;
  const order = new Random(0, "report pictures")
    .permutation(set.labels.length)
    .slice(0, isTold ? TO_CLASSES : PICTURES);
  const pixels = await gather(set, order);
  const size = pixels.length / order.length;
  const rows = (columns: readonly Uint8Array[]): Uint8Array =>
    Buffer.concat([...order].flatMap((_, i) => columns.map((bytes) => bytes.subarray(i * size, (i + 1) * size))));
  if (!isTold) {
    const given = await gather({ ...set, pixels: partner! }, order);
    return {
      caption: "What is translated, its translation, and what that should be",
      pixels: rows([given, toBytes((await model.translate(given)).data), pixels]),
      columns: 3 * TRIPLES,
    };
  }
  const classes = model.spec.classes.slice(0, MOST_CLASSES);
  const columns = [pixels];
  for (const label of classes.keys())
    columns.push(toBytes((await model.translate(pixels, new Int32Array(order.length).fill(label))).data));
  return {
    caption: `Pictures, and each as ${classes.join(", ")}`,
    pixels: rows(columns),
    columns: columns.length,
  };
}

/** Pictures turned all the way round, and what the model turns upright of each. */
async function turnedUpright(model: TrainedModel, { set }: Evaluation): Promise<SheetPictures> {
  const order = new Random(0, "report turns").permutation(set.labels.length).slice(0, PICTURES / COLUMNS);
  const { size } = set.pixels;
  const pictures = await gather(set, order);
  const turned = new Uint8Array(order.length * COLUMNS * size);
  for (let i = 0; i < order.length * COLUMNS; i++) {
    const picture = Math.floor(i / COLUMNS) * size;
    const angle = (2 * Math.PI * (i % COLUMNS)) / COLUMNS;
    turned.set(turnPicture(pictures.subarray(picture, picture + size), set, angle), i * size);
  }
  const upright = toBytes((await model.run("canonical", { picture: turned })).data);
  return {
    caption: `Pictures turned by steps of ${360 / COLUMNS} degrees, and below each what the model turns upright of it`,
    pixels: inRows(turned, upright, order.length * COLUMNS, COLUMNS),
  };
}

async function generated(model: TrainedModel): Promise<SheetPictures> {
  return {
    caption: model.heads.sample!.takes.includes("label") ? "Generated, all classes in turn" : "Generated",
    pixels: toBytes((await model.sample(PICTURES)).data),
  };
}
