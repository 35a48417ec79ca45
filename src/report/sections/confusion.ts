// The confusion matrix as a table whose cells open the pictures that they count.
import type { ReportSection, ReportTable } from "../html.ts";
import { confidenceOf, type Judged, percent, probabilityOf } from "../judged.ts";
import { type Html, html } from "../markup.ts";
import { type Shot, shotsHtml } from "../shots.ts";
import type { Thumbnails } from "../thumbnails.ts";

/** Pictures of a cell that are shown, at most. */
const MOST_SHOWN = 24;
/** Of more classes, the cells with most mistakes are listed instead. */
export const MOST_CLASSES = 30;
const MOST_LISTED = 40;
/** Letters of a class name that fit above a column. */
const SHORT = 3;

/** Pictures of one label that got one answer. */
interface Cell {
  readonly label: number;
  readonly answer: number;
  /** Those to be shown first come first: wrong answers that are sure, right ones that are not. */
  readonly pictures: readonly number[];
}

/** The cells that count any picture. */
function cellsOf(judged: Judged): Cell[] {
  const { labels, answers, classes } = judged;
  const cells = new Map<number, number[]>();
  labels.forEach((label, i) => {
    if (label < 0) return;
    const place = label * classes.length + answers[i]!;
    const known = cells.get(place);
    if (known) known.push(i);
    else cells.set(place, [i]);
  });
  return [...cells].map(([place, pictures]) => {
    const [label, answer] = [Math.floor(place / classes.length), place % classes.length];
    const sign = label === answer ? 1 : -1;
    return {
      label,
      answer,
      pictures: pictures.sort((a, b) => sign * (confidenceOf(judged, a) - confidenceOf(judged, b))),
    };
  });
}

/** Pairs of classes that are mixed up, the most frequent first. */
export function mixUps(judged: Judged): { label: number; answer: number; count: number }[] {
  return cellsOf(judged)
    .filter(({ label, answer }) => label !== answer)
    .map(({ label, answer, pictures }) => ({ label, answer, count: pictures.length }))
    .sort((a, b) => b.count - a.count);
}

/** So many pictures a cell that those of all cells fit on what is left of the sheet. */
function picturesACell(cells: readonly Cell[], left: number): number {
  let most = MOST_SHOWN;
  const needed = () => cells.reduce((sum, { pictures }) => sum + Math.min(most, pictures.length), 0);
  while (most > 1 && needed() > left) most--;
  return most;
}

/** @param table precision and the like of each class */
export function confusionSection(judged: Judged, thumbnails: Thumbnails, table: ReportTable): ReportSection {
  const { classes } = judged;
  const all = cellsOf(judged);
  const isTable = classes.length <= MOST_CLASSES;
  const wrong = all
    .filter(({ label, answer }) => label !== answer)
    .sort((a, b) => b.pictures.length - a.pictures.length);
  const cells = isTable ? all : wrong.slice(0, MOST_LISTED);
  const most = picturesACell(cells, thumbnails.left);
  const popovers = cells.map((cell) => popover(judged, thumbnails, cell, most));
  const how = "Press a number to see its pictures.";
  return {
    title: "Which classes are taken for which",
    note: isTable
      ? `A row for each label, a column for each answer: on the diagonal, in blue, the right ones; beside it, in orange, the mistakes, each the darker the more. ${how}`
      : `The ${cells.length} most frequent mix-ups of ${wrong.length}. ${how}`,
    body: html`${isTable ? matrixHtml(judged, cells) : listHtml(judged, cells)}${popovers}`,
    table,
    folded: "Precision, recall and F1 of each class",
  };
}

const idOf = ({ label, answer }: Pick<Cell, "label" | "answer">): string => `cell-${label}-${answer}`;

function buttonHtml({ classes }: Judged, cell: Cell, kind: string, shade: number): Html {
  const count = cell.pictures.length;
  const name = `${count} of ${classes[cell.label]} taken for ${classes[cell.answer]}`;
  return html`<button type="button" class="cell ${kind}" style="--s:${Math.round(100 * shade)}" popovertarget="${idOf(cell)}" aria-label="${name}" title="${name}">${count}</button>`;
}

function matrixHtml(judged: Judged, cells: readonly Cell[]): Html {
  const { classes } = judged;
  const at = new Map(cells.map((cell) => [idOf(cell), cell]));
  const mostWrong = Math.max(1, ...cells.flatMap((c) => (c.label === c.answer ? [] : [c.pictures.length])));
  const support = classes.map((_, k) => cells.reduce((n, c) => n + (c.label === k ? c.pictures.length : 0), 0));
  const tall = classes.some((name) => name.length > SHORT);
  const head = classes.map((name) =>
    tall
      ? html`<th scope="col" class="tall" title="${name}"><span>${name}</span></th>`
      : html`<th scope="col">${name}</th>`,
  );
  const row = (label: number) =>
    classes.map((_, answer) => {
      const cell = at.get(idOf({ label, answer }));
      if (!cell) return html`<td></td>`;
      const right = label === answer;
      // Roots, or one mistake would look like none.
      const shade = Math.sqrt(cell.pictures.length / (right ? support[label]! : mostWrong));
      return html`<td>${buttonHtml(judged, cell, right ? "hit" : "miss", shade)}</td>`;
    });
  const rows = classes.map((name, k) => html`<tr><th scope="row" title="${name}">${name}</th>${row(k)}</tr>`);
  return html`<div class="scroll" role="group" aria-label="Confusion matrix" tabindex="0"><table class="matrix"><thead><tr><td class="small corner">label ↓ answer →</td>${head}</tr></thead><tbody>${rows}</tbody></table></div>`;
}

function listHtml(judged: Judged, cells: readonly Cell[]): Html {
  const { classes } = judged;
  const rows = cells.map(
    (cell) =>
      html`<tr><td>${classes[cell.label]}</td><td>${classes[cell.answer]}</td><td>${buttonHtml(judged, cell, "miss", 0.5)}</td></tr>`,
  );
  return html`<div class="scroll" role="group" aria-label="Most frequent mix-ups" tabindex="0"><table><thead><tr><th scope="col">label</th><th scope="col">taken for</th><th scope="col">pictures</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

function popover(judged: Judged, thumbnails: Thumbnails, cell: Cell, most: number): Html {
  const { classes, name } = judged;
  const { label, answer, pictures } = cell;
  const right = label === answer;
  const [was, said] = [classes[label]!, classes[answer]!];
  const shots = pictures.slice(0, most).map((i): Shot => {
    const sure = percent(confidenceOf(judged, i));
    const text = right ? sure : `${sure}, ${percent(probabilityOf(judged, i, label))}`;
    return { i, text, alt: `${name(i)}: labelled ${was}, answer ${said} at ${sure}` };
  });
  const what = right
    ? `Rightly answered ${said}: the least certain of ${pictures.length}, with the probability of the answer.`
    : `The surest of ${pictures.length}, with the probability of the answer and that of the label.`;
  const title = right ? `${said}, as labelled` : `${was} taken for ${said}`;
  return html`<div popover id="${idOf(cell)}" role="dialog" aria-label="${title}"><button type="button" class="close" popovertarget="${idOf(cell)}" popovertargetaction="hide">Close</button><h3>${title}</h3><p class="small">${what}</p>${shotsHtml(thumbnails, shots)}</div>`;
}
