// A map of pictures by what the model makes of them: each a dot at its place on two principal axes, with the picture under the pointer.
import type { ReportSection } from "../html.ts";
import { percent } from "../judged.ts";
import { type Html, html } from "../markup.ts";
import type { Thumbnails } from "../thumbnails.ts";

/** Pictures at their places. */
export interface LatentMap {
  /** What the places are of, such as `latent vectors`. */
  readonly of: string;
  /** Size of those vectors. */
  readonly size: number;
  /** Numbers of the pictures `[n]`. */
  readonly index: ArrayLike<number>;
  /** Their class numbers `[n]`; -1 where there is no label. */
  readonly labels: ArrayLike<number>;
  /** `[n]`, along the first and the second principal axis. */
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  /** Shares of the variance along the two axes, 0..1. */
  readonly variance: readonly [number, number];
  /** Of each class: how many pictures are shown, the class whose centre is nearest, and how many of the neighbours are of its own. */
  readonly classes: readonly ClassPlace[];
}

/** How a class lies among the others, measured between the whole vectors. */
export interface ClassPlace {
  readonly name: string;
  readonly n: number;
  /** Name of the class whose centre is nearest; absent where there is no other. */
  readonly nearest?: string;
  /** Share of the nearest neighbours of its pictures that are of the class too, 0..1. */
  readonly purity: number;
}

/** Hues that are told apart on white and on black; with three shapes of dots they are enough for 30 classes, and then come again. */
const COLOURS = [
  "#3a86c8",
  "#d9652b",
  "#3f9b4f",
  "#b8408f",
  "#b59a1c",
  "#7a5ccf",
  "#2a9d9d",
  "#c8423a",
  "#8a8a8a",
  "#8c6239",
];
const SHAPES = 3;
/** Of more classes there is no key. */
const MOST_NAMED = 2 * SHAPES * COLOURS.length;
/** Neighbours of which the table tells. */
export const NEIGHBOURS = 10;

/** Colour of a dot without a label. */
const GREY = "#8a8a8a";

/** A dot of a class, -1 for none. @param style what its style has beside the colour */
function dot(k: number, style: string, side = "", content?: Html): Html {
  const shape = k < 0 ? 0 : Math.floor(k / COLOURS.length) % SHAPES;
  return html`<i class="s${shape}${side}" style="--c:${k < 0 ? GREY : COLOURS[k % COLOURS.length]}${style}">${content}</i>`;
}

export function latentMapSection(map: LatentMap, names: readonly string[], thumbnails: Thumbnails): ReportSection {
  const { index, labels, x, y, variance, classes } = map;
  const [toX, toY] = [scale(x), scale(y)];
  const dots = Array.from(index, (i, at) => {
    const [left, top] = [100 * toX(x[at]!), 100 * (1 - toY(y[at]!))];
    const style = `;left:${left.toFixed(1)}%;top:${top.toFixed(1)}%`;
    return dot(labels[at]!, style, left > 50 ? " left" : "", thumbnails.shot(i, ""));
  });
  const key = names.map((name, k) => html`<li>${dot(k, "")}${name}</li>`);
  const axes = variance.map((share) => percent(share));
  return {
    title: "Map of the pictures",
    note: `${index.length} of the pictures at their places on the two principal axes of their ${map.of} (${map.size} numbers each), which hold ${axes[0]} and ${axes[1]} of the variance. What lies close together is alike to the model; the pointer on a dot shows its picture.`,
    body: html`${names.length > MOST_NAMED ? undefined : html`<ul class="key">${key}</ul>`}<div class="map" role="img" aria-label="Map of ${index.length} pictures by class; the table below says the same in words">${dots}</div>
<p class="small">Across: first principal axis, ${number(min(x))} to ${number(max(x))}; up: second, ${number(min(y))} to ${number(max(y))}, in units of the ${map.of}.</p>`,
    table: {
      head: [
        "class",
        "pictures on the map",
        "class with the nearest centre",
        `own class among ${NEIGHBOURS} neighbours`,
      ],
      rows: classes.map(({ name, n, nearest, purity }) => [name, n, nearest ?? "", n > 1 ? percent(purity) : ""]),
    },
    folded: "The map in words: which classes lie near each other, measured between the whole vectors",
  };
}

const min = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => Math.min(a, b));
const max = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => Math.max(a, b));
const number = (value: number): string => String(Number(value.toPrecision(2)));

/** Takes the range of some values, and a little more on either side, to 0..1. */
function scale(values: ArrayLike<number>): (value: number) => number {
  const [low, high] = [min(values), max(values)];
  const margin = 0.04 * (high - low || 1);
  return (value) => (value - low + margin) / (high - low + 2 * margin);
}
