// Single pictures of a set on a page: all on one sheet, which is in the page once, however often each is shown.
import type { PictureShape } from "../data/picture.ts";
import { loadSharp } from "../data/readers/decode.ts";
import { type Html, html } from "./markup.ts";

/** Pixels of the longest side of a picture as it is kept, at most; a smaller one is shown enlarged to about as much. */
const [LONGEST, SHOWN] = [64, 56];
/** Pixels and pictures of a sheet, at most: about half a megabyte of digits, and a megabyte of photographs. */
const [MOST_PIXELS, MOST_PICTURES] = [2_000_000, 2000];
const COLUMNS = 40;

/** The pictures of a set that a page shows singly. */
export class Thumbnails {
  private readonly places = new Map<number, number>();
  private readonly width: number;
  private readonly height: number;
  private readonly zoom: number;
  /** Pictures that it can hold. */
  readonly most: number;

  constructor(private readonly shape: PictureShape) {
    const scale = Math.min(1, LONGEST / Math.max(shape.width, shape.height));
    this.width = Math.max(1, Math.round(shape.width * scale));
    this.height = Math.max(1, Math.round(shape.height * scale));
    this.zoom = Math.max(1, Math.round(SHOWN / Math.max(this.width, this.height)));
    this.most = Math.min(MOST_PICTURES, Math.floor(MOST_PIXELS / (this.width * this.height)));
  }

  /** Pictures that it can hold beside those that it holds. */
  get left(): number {
    return this.most - this.places.size;
  }

  /** The pictures that it holds, by their numbers in the set. */
  get index(): number[] {
    return [...this.places.keys()];
  }

  /**
   * A picture as HTML; nothing once the sheet is full.
   * @param i its number in the set
   * @param alt what is read aloud of it; empty for a picture that is decoration
   */
  shot(i: number, alt: string): Html | undefined {
    let place = this.places.get(i);
    if (place === undefined) {
      if (this.left === 0) return undefined;
      place = this.places.size;
      this.places.set(i, place);
    }
    const spoken = alt === "" ? html`aria-hidden="true"` : html`role="img" aria-label="${alt}" title="${alt}"`;
    return html`<span class="shot" ${spoken} style="--x:${place % COLUMNS};--y:${Math.floor(place / COLUMNS)}"></span>`;
  }

  /** The rules that show the pictures. @param pixels those of `index`, bytes `[n, h, w, c]` */
  async style(pixels: Uint8Array): Promise<string> {
    if (this.places.size === 0) return "";
    const { width, height, zoom } = this;
    const { data, type } = await this.sheet(pixels);
    const [wide, tall] = [width * zoom, height * zoom];
    return `
.shot { display: inline-block; width: ${wide}px; height: ${tall}px; background: url(data:${type};base64,${data.toString("base64")}); background-size: ${COLUMNS * wide}px auto; background-position: calc(var(--x) * -${wide}px) calc(var(--y) * -${tall}px)${zoom > 1 ? "; image-rendering: pixelated" : ""} }`;
  }

  private async sheet(pixels: Uint8Array): Promise<{ data: Buffer; type: string }> {
    const { width, height, shape } = this;
    const { channels } = shape;
    const sharp = await loadSharp();
    const size = shape.height * shape.width * channels;
    const n = this.places.size;
    const rows = Math.ceil(n / COLUMNS);
    const stride = COLUMNS * width * channels;
    const sheet = Buffer.alloc(rows * height * stride);
    const raw = (of: PictureShape) => ({
      raw: { width: of.width, height: of.height, channels: of.channels as 1 | 3 },
    });
    for (let place = 0; place < n; place++) {
      const bytes = pixels.subarray(place * size, (place + 1) * size);
      const kept =
        width === shape.width && height === shape.height
          ? bytes
          : await sharp(bytes, raw(shape)).resize(width, height, { fit: "fill" }).raw().toBuffer();
      const at = Math.floor(place / COLUMNS) * height * stride + (place % COLUMNS) * width * channels;
      for (let y = 0; y < height; y++)
        sheet.set(kept.subarray(y * width * channels, (y + 1) * width * channels), at + y * stride);
    }
    const image = sharp(sheet, raw({ width: COLUMNS * width, height: rows * height, channels }));
    // Without it, grey is written as three channels.
    if (channels === 1) return { data: await image.toColourspace("b-w").png().toBuffer(), type: "image/png" };
    return { data: await image.webp({ quality: 80 }).toBuffer(), type: "image/webp" };
  }
}
