// The page: one HTML file that works offline, pictures and plots inside, without a script; what its sections are made of.
import { Html, html } from "./markup.ts";
import type { PagePicture } from "./pictures.ts";
import { STYLE } from "./style.ts";

export { escapeHtml } from "./markup.ts";

/** A chart with what is written below it. */
export interface ReportChart {
  /** An SVG element. */
  readonly svg: string;
  readonly caption: string;
  /** Whether it keeps its size, to be moved sideways, where the page is narrower. */
  readonly wide?: boolean;
}

/** A sheet of pictures with what is written below it. */
export interface ReportPictures extends PagePicture {
  readonly caption: string;
}

/** Names of the columns, and the rows. */
export interface ReportTable {
  head: readonly string[];
  rows: readonly (readonly (string | number)[])[];
}

/** A part of a report under a title of its own. */
export interface ReportSection {
  title: string;
  /** A paragraph above the content. */
  note?: string;
  /** A command to copy: one click selects it. */
  command?: string;
  /** Content of its own kind. */
  body?: Html;
  charts?: readonly ReportChart[];
  pictures?: readonly ReportPictures[];
  table?: ReportTable;
  /** A title for the table, which is then shown when the reader opens it. */
  folded?: string;
}

/** What a page may have beside its sections. */
export interface PageExtras {
  /** Stands above the numbers. */
  readonly summary?: Html;
  /** Rules that are added to the style; of our own making. */
  readonly style?: string;
}

/** A page may load nothing, and run nothing: what it shows is inside. */
const POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

/** Sections from which on a page has a list of them. */
const NAVIGATED = 4;

/**
 * The whole page as HTML text, with all pictures inside, so that it needs no other file and no network.
 * @param lead one sentence below the title
 * @param cards names and values of the numbers that are shown first
 */
export function reportHtml(
  title: string,
  lead: string,
  cards: readonly (readonly [string, string])[],
  sections: readonly ReportSection[],
  { summary, style = "" }: PageExtras = {},
): string {
  const links = sections.map((section, i) => html`<li><a href="#section-${i + 1}">${section.title}</a></li>`);
  const big = cards.map(([name, value]) => html`<div class="card">${name}<b>${value}</b></div>`);
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${new Html(POLICY)}">
<title>${title}</title><style>${new Html(STYLE + style)}</style></head><body>
<header><h1>${title}</h1><p class="lead">${lead}</p>
${links.length < NAVIGATED ? undefined : html`<nav aria-label="Sections"><ul>${links}</ul></nav>`}</header>
<main>${summary}${big.length > 0 ? html`<div class="cards">${big}</div>` : undefined}
${sections.map(sectionHtml)}
</main></body></html>
`.text;
}

function sectionHtml(section: ReportSection, i: number): Html {
  const { title, note, command, body, charts = [], pictures = [], table, folded } = section;
  const id = `section-${i + 1}`;
  const made = table && tableHtml(table, folded ?? title);
  return html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>
${note ? html`<p class="lead">${note}</p>` : undefined}${command ? html`<pre>${command}</pre>` : undefined}${body}
${charts.map(chartHtml)}${pictures.map(pictureHtml)}
${folded === undefined ? made : html`<details><summary>${folded}</summary>${made}</details>`}</section>
`;
}

/** A chart and its caption, which is also what is read aloud of it. */
const chartHtml = ({ svg, caption, wide }: ReportChart): Html =>
  html`<figure${wide ? new Html(' class="wide" tabindex="0"') : undefined}><div role="img" aria-label="${caption}">${new Html(svg)}</div><figcaption>${caption}</figcaption></figure>`;

/** A picture inside the page. @param alt what is read aloud of it */
export const imageHtml = ({ data, type }: PagePicture, alt: string): Html =>
  html`<img alt="${alt}" src="data:${type};base64,${data.toString("base64")}">`;

const pictureHtml = ({ caption, ...picture }: ReportPictures): Html =>
  html`<figure class="sheet">${imageHtml(picture, caption)}<figcaption>${caption}</figcaption></figure>`;

/** A table that is moved sideways where it is too wide. @param name what is read aloud of its box */
export function tableHtml({ head, rows }: ReportTable, name: string): Html {
  // Numbers stand at the right below each other, and words at the left.
  const kinds = head.map((_, column) =>
    rows.some((row) => /^[^\d-]/.test(String(row[column]))) ? new Html(' class="text"') : undefined,
  );
  const body = rows.map((row) => html`<tr>${row.map((cell, column) => html`<td${kinds[column]}>${cell}</td>`)}</tr>`);
  return html`<div class="scroll" role="group" aria-label="${name}" tabindex="0"><table><thead><tr>${head.map((cell, column) => html`<th scope="col"${kinds[column]}>${cell}</th>`)}</tr></thead><tbody>${body}</tbody></table></div>`;
}
