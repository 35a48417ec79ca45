// The pictures that a classifier is worst at: its surest mistakes, what would have to change in them, and where it wavers.
import { imageHtml, type ReportSection } from "../html.ts";
import { confidenceOf, type Judged, percent, probabilityOf, secondOf } from "../judged.ts";
import { html } from "../markup.ts";
import type { PagePicture } from "../pictures.ts";
import { type Shot, shotsHtml } from "../shots.ts";
import type { Thumbnails } from "../thumbnails.ts";

/** What a mistake would have to look like to be of its label to the model. */
export interface ExplainedMistake {
  /** Number of the picture. */
  readonly i: number;
  /** The picture, those between, the changed one and the difference, side by side. */
  readonly strip: PagePicture;
  /** Whether the model takes the changed picture for the label. */
  readonly valid: boolean;
}

/** @param index the worst mistakes, the worst first */
export function mistakesSection(
  judged: Judged,
  thumbnails: Thumbnails,
  index: readonly number[],
  explained: readonly ExplainedMistake[],
): ReportSection {
  const { classes, labels, answers, name } = judged;
  const words = (i: number) => `${classes[labels[i]!]} taken for ${classes[answers[i]!]}`;
  const shots = index.map((i): Shot => {
    const [sure, label] = [percent(confidenceOf(judged, i)), percent(probabilityOf(judged, i, labels[i]!), 1)];
    return {
      i,
      alt: `${name(i)}: labelled ${classes[labels[i]!]} (${label}), answer ${classes[answers[i]!]} at ${sure}`,
      text: `${words(i)}, ${sure}`,
    };
  });
  const strips = explained.map(({ i, strip, valid }) => {
    const alt = `${name(i)}, ${words(i)}: how it would have to change to be ${classes[labels[i]!]} to the model`;
    const label = classes[labels[i]!]!;
    const outcome = valid
      ? `on the right as the model takes it for ${label}`
      : `not reached: nothing near it is clearly ${label} to the model`;
    const text = `${words(i)}; ${outcome}`;
    return html`<li>${imageHtml(strip, alt)}${text}</li>`;
  });
  return {
    title: "Worst mistakes",
    note: "The wrong answers whose label the model believes least, with the probability of the answer.",
    body: html`${shotsHtml(thumbnails, shots)}${
      strips.length > 0
        ? html`<h3>What would have to change</h3><p class="lead">From left to right: the picture, four steps, the nearest picture that the model takes for the label, and where the two differ: lighter is brighter there.</p><ul class="shots strips">${strips}</ul>`
        : undefined
    }`,
  };
}

/** @param index the pictures that the model wavers over, the least certain first */
export function uncertainSection(judged: Judged, thumbnails: Thumbnails, index: readonly number[]): ReportSection {
  const { classes, labels, answers, name } = judged;
  const shots = index.map((i): Shot => {
    const second = secondOf(judged, i);
    const either = `${classes[answers[i]!]} (${percent(confidenceOf(judged, i))}) or ${classes[second]} (${percent(probabilityOf(judged, i, second))})`;
    const label = labels[i]! < 0 ? "no label" : `labelled ${classes[labels[i]!]}`;
    return { i, alt: `${name(i)}: ${either}; ${label}`, text: `${either}; ${label}` };
  });
  return {
    title: "Most uncertain",
    note: "The pictures whose two likeliest classes are nearest to each other. What is labelled next teaches most where a model is not sure.",
    body: shotsHtml(thumbnails, shots),
  };
}
