// Lists of single pictures, each with what is said of it.
import { type Html, html } from "./markup.ts";
import type { Thumbnails } from "./thumbnails.ts";

/** A picture of a set and what is said of it. */
export interface Shot {
  /** Its number in the set. */
  readonly i: number;
  /** What is read aloud of it, and shown where the pointer rests. */
  readonly alt: string;
  /** What is written below it. */
  readonly text: string;
}

/** Pictures side by side. Those that the sheet cannot hold are left out. */
export const shotsHtml = (thumbnails: Thumbnails, shots: readonly Shot[]): Html =>
  html`<ul class="shots">${shots.flatMap(({ i, alt, text }) => {
    const picture = thumbnails.shot(i, alt);
    return picture ? [html`<li>${picture}<br>${text}</li>`] : [];
  })}</ul>`;
