// The report: one HTML file that works offline, pictures and plots inside; light or dark as the reader has it, and narrow enough
// for a telephone.

/** A chart with what is written below it. */
export interface ReportChart {
  /** An SVG element. */
  readonly svg: string;
  readonly caption: string;
  /** Whether it keeps its size, to be moved sideways, where the page is narrower. */
  readonly wide?: boolean;
}

/** A sheet of pictures with what is written below it. */
export interface ReportPictures {
  readonly data: Buffer;
  readonly type: "image/png" | "image/webp";
  readonly caption: string;
}

/** A part of a report under a title of its own. */
export interface ReportSection {
  title: string;
  /** A paragraph above the content. */
  note?: string;
  /** A command to copy: one click selects it. */
  command?: string;
  charts?: readonly ReportChart[];
  pictures?: readonly ReportPictures[];
  /** Names of the columns, and the rows. */
  table?: { head: readonly string[]; rows: readonly (readonly (string | number)[])[] };
}

// The margin of a figure is no wider than the padding of the page, or the page could be moved sideways by the difference.
const STYLE = `
  :root { color-scheme: light dark; --ink: #222; --soft: #555; --line: #ddd; --paper: #fff; --box: #f4f4f4 }
  @media (prefers-color-scheme: dark) { :root { --ink: #ddd; --soft: #aaa; --line: #444; --paper: #1b1b1b; --box: #282828 } }
  body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 1180px; margin: 2rem auto; padding: 0 1rem }
  h1 { font-size: 1.6rem; margin: 0 } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; border-bottom: 1px solid var(--line) }
  h1, h2, p, figcaption, pre, td:last-child { overflow-wrap: anywhere }
  .lead { color: var(--soft) } .scroll { overflow-x: auto }
  table { border-collapse: collapse; font-variant-numeric: tabular-nums }
  th, td { padding: .2rem .8rem .2rem 0; text-align: right; border-bottom: 1px solid var(--line) } th:first-child, td:first-child { text-align: left }
  figure { display: inline-block; margin: 0 1rem 1rem 0; max-width: 100%; vertical-align: top; overflow-x: auto }
  figcaption { color: var(--soft); font-size: .85rem; max-width: 27.5rem }
  img, svg { max-width: 100%; height: auto } .wide svg { max-width: none }
  pre { background: var(--box); border-radius: 6px; padding: .7rem 1rem; white-space: pre-wrap; user-select: all }
  .cards { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.2rem 0 } .card { border: 1px solid var(--line); border-radius: 6px; padding: .5rem 1rem }
  .card b { display: block; font-size: 1.3rem }`;

/** A text as HTML that shows it literally, also inside quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

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
): string {
  const big = cards
    .map(([name, value]) => `<div class="card">${escapeHtml(name)}<b>${escapeHtml(value)}</b></div>`)
    .join("");
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title><style>${STYLE}</style>
<h1>${escapeHtml(title)}</h1><p class="lead">${escapeHtml(lead)}</p><div class="cards">${big}</div>
${sections.map(sectionHtml).join("\n")}
</html>
`;
}

function sectionHtml({ title, note, command, charts = [], pictures = [], table }: ReportSection): string {
  const parts = [`<h2>${escapeHtml(title)}</h2>`];
  if (note) parts.push(`<p class="lead">${escapeHtml(note)}</p>`);
  if (command) parts.push(`<pre>${escapeHtml(command)}</pre>`);
  const figure = (content: string, caption: string, wide = false) =>
    `<figure${wide ? ' class="wide"' : ""}>${content}<figcaption>${escapeHtml(caption)}</figcaption></figure>`;
  for (const { svg, caption, wide } of charts) parts.push(figure(svg, caption, wide));
  for (const { caption, data, type } of pictures) {
    const source = `data:${type};base64,${data.toString("base64")}`;
    parts.push(figure(`<img alt="${escapeHtml(caption)}" src="${source}">`, caption));
  }
  if (table) {
    const cells = (tag: string, row: readonly (string | number)[]) =>
      row.map((cell) => `<${tag}>${escapeHtml(String(cell))}</${tag}>`).join("");
    const rows = table.rows.map((row) => `<tr>${cells("td", row)}</tr>`).join("");
    parts.push(`<div class="scroll"><table><tr>${cells("th", table.head)}</tr>${rows}</table></div>`);
  }
  return parts.join("\n");
}
