// The report: one HTML file that works offline, pictures and plots inside.

/** A part of a report under a title of its own. */
export interface ReportSection {
  title: string;
  /** A paragraph above the content. */
  note?: string;
  /** Plots, as SVG elements. */
  svgs?: readonly string[];
  /** Pictures, with what is written below each. */
  pngs?: readonly { caption: string; png: Buffer }[];
  /** Names of the columns, and the rows. */
  table?: { head: readonly string[]; rows: readonly (readonly (string | number)[])[] };
}

const STYLE = `
  body { font: 15px/1.5 system-ui, sans-serif; color: #222; background: #fff; max-width: 1180px; margin: 2rem auto; padding: 0 1.5rem }
  h1 { font-size: 1.6rem; margin: 0 } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; border-bottom: 1px solid #ddd }
  .lead { color: #555 } table { border-collapse: collapse; font-variant-numeric: tabular-nums }
  th, td { padding: .2rem .8rem .2rem 0; text-align: right; border-bottom: 1px solid #eee } th:first-child, td:first-child { text-align: left }
  figure { display: inline-block; margin: 0 1.2rem 1rem 0; vertical-align: top } figcaption { color: #555; font-size: .85rem }
  img, svg { max-width: 100%; height: auto }
  .cards { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.2rem 0 } .card { border: 1px solid #ddd; border-radius: 6px; padding: .5rem 1rem }
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
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title><style>${STYLE}</style>
<h1>${escapeHtml(title)}</h1><p class="lead">${escapeHtml(lead)}</p><div class="cards">${big}</div>
${sections.map(sectionHtml).join("\n")}
</html>
`;
}

function sectionHtml({ title, note, svgs = [], pngs = [], table }: ReportSection): string {
  const parts = [`<h2>${escapeHtml(title)}</h2>`];
  if (note) parts.push(`<p class="lead">${escapeHtml(note)}</p>`);
  for (const svg of svgs) parts.push(`<figure>${svg}</figure>`);
  for (const { caption, png } of pngs)
    parts.push(
      `<figure><img alt="${escapeHtml(caption)}" src="data:image/png;base64,${png.toString("base64")}"><figcaption>${escapeHtml(caption)}</figcaption></figure>`,
    );
  if (table) {
    const cells = (tag: string, row: readonly (string | number)[]) =>
      row.map((cell) => `<${tag}>${escapeHtml(String(cell))}</${tag}>`).join("");
    parts.push(
      `<table><tr>${cells("th", table.head)}</tr>${table.rows.map((row) => `<tr>${cells("td", row)}</tr>`).join("")}</table>`,
    );
  }
  return parts.join("\n");
}
