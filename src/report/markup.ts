// HTML as values: what is put into a template is shown literally unless it is HTML itself, so that no section escapes by hand.

/** HTML that was made by `html`, or that is known to be safe. */
export class Html {
  constructor(readonly text: string) {}
}

/** A text as HTML that shows it literally, also inside quoted attributes. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

type Value = string | number | Html | readonly Html[] | undefined;

/** A template of HTML. Texts and numbers are escaped, HTML and lists of it are taken as they are, undefined is nothing. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Html {
  return new Html(parts.map((part, i) => part + (i < values.length ? valueText(values[i]) : "")).join(""));
}

function valueText(value: Value): string {
  if (value === undefined) return "";
  if (value instanceof Html) return value.text;
  return typeof value === "object" ? value.map(({ text }) => text).join("") : escapeHtml(String(value));
}
