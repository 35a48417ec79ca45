// The changes of augment.ts on the bytes of one picture [h, w, c], in place, while a batch is filled.
import type { Random } from "../random/random.ts";
import type { Augmentation } from "./augment.ts";
import { ONE, Resampler } from "./resample.ts";

/** Size of a picture in pixels, and its channels: 1 for greyscale, 3 for colour. */
export interface PictureShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

const DEGREE = Math.PI / 180;
const symmetric = (random: Random, most: number | undefined): number =>
  most === undefined ? 0 : (2 * random.uniform() - 1) * most;

/** Makes the random changes of one policy, other than mixing, on pictures of one shape. */
export class Transformer {
  private readonly source: Uint8Array;
  private readonly resampler: Resampler;
  private readonly values: Float32Array;

  constructor(
    private readonly shape: PictureShape,
    private readonly rule: Augmentation,
  ) {
    const { height, width, channels } = shape;
    this.source = new Uint8Array(height * width * channels);
    this.resampler = new Resampler(shape);
    this.values = new Float32Array(height * width * channels);
  }

  /**
   * Changes the picture that begins at `bytes[at]`, in place. The amounts are drawn from `random`, always in the same order,
   * so that the same state of it gives the same picture.
   */
  apply(bytes: Uint8Array, at: number, random: Random): void {
    const picture = bytes.subarray(at, at + this.source.length);
    this.geometry(picture, random);
    const { brightness, contrast, saturation, hue, blur, noise, erase } = this.rule;
    if (brightness ?? contrast ?? saturation ?? hue) this.colour(picture, random);
    if (blur) this.blur(picture, random.uniform() * blur);
    if (noise) this.noise(picture, random.uniform() * noise * 255, random);
    if (erase && random.uniform() < erase) this.erase(picture, random);
  }

  private geometry(picture: Uint8Array, random: Random): void {
    const { height: h, width: w } = this.shape;
    const { rule } = this;
    const dx = symmetric(random, rule.shift) * w;
    const dy = symmetric(random, rule.shift) * h;
    const mirrored = rule.flip !== undefined && random.uniform() < rule.flip;
    if (rule.rotate ?? rule.scale ?? rule.shear ?? rule.crop ?? rule.elastic) {
      this.affineMap(dx, dy, mirrored, random);
      if (rule.elastic) this.displace(rule.elastic, random);
      this.resampler.apply(picture);
    } else if (mirrored || Math.round(dx) !== 0 || Math.round(dy) !== 0)
      this.shiftBy(picture, Math.round(dx), Math.round(dy), mirrored);
  }

  private shiftBy(picture: Uint8Array, dx: number, dy: number, mirrored: boolean): void {
    const { height: h, width: w, channels: c } = this.shape;
    this.source.set(picture);
    let at = 0;
    for (let y = 0; y < h; y++) {
      const row = Math.min(Math.max(y - dy, 0), h - 1) * w * c;
      for (let x = 0; x < w; x++) {
        const column = Math.min(Math.max((mirrored ? w - 1 - x : x) - dx, 0), w - 1);
        for (let k = 0; k < c; k++) picture[at++] = this.source[row + column * c + k]!;
      }
    }
  }

  /** Where each pixel comes from: rotation, scale, shear and shift about the centre; a crop of random place. */
  private affineMap(dx: number, dy: number, mirrored: boolean, random: Random): void {
    const { height: h, width: w } = this.shape;
    const { rule } = this;
    const angle = symmetric(random, rule.rotate) * DEGREE;
    const zoom = 1 + symmetric(random, rule.scale);
    const shear = Math.tan(symmetric(random, rule.shear) * DEGREE);
    const cut = rule.crop === undefined ? 0 : random.uniform() * rule.crop;
    const [left, above] = cut > 0 ? [symmetric(random, cut / 2) * w, symmetric(random, cut / 2) * h] : [0, 0];
    const [cos, sin] = [((1 - cut) * Math.cos(angle)) / zoom, ((1 - cut) * Math.sin(angle)) / zoom];
    const [cx, cy] = [(w - 1) / 2, (h - 1) / 2];
    // Of the first pixel, from the centre.
    const v = -cy - dy;
    const u = (mirrored ? cx : -cx) - dx + shear * v;
    this.resampler.place(
      [cos * u + sin * v + cx + left, cos * v - sin * u + cy + above],
      mirrored ? [-cos, sin] : [cos, -sin],
      [cos * shear + sin, cos - sin * shear],
    );
  }

  /** Adds a smooth random field: normal values on a 5x5 grid, interpolated (after Simard et al. 2003). */
  private displace(strength: number, random: Random): void {
    const { height: h, width: w } = this.shape;
    const grid = 5;
    const field = new Float32Array(grid * grid * 2);
    random.fillNormal(field);
    const smooth = (t: number) => t * t * (3 - 2 * t);
    let at = 0;
    for (let y = 0; y < h; y++) {
      const gy = (y / Math.max(1, h - 1)) * (grid - 1.001);
      const [row, fy] = [Math.floor(gy), smooth(gy - Math.floor(gy))];
      for (let x = 0; x < w; x++) {
        const gx = (x / Math.max(1, w - 1)) * (grid - 1.001);
        const [column, fx] = [Math.floor(gx), smooth(gx - Math.floor(gx))];
        for (let k = 0; k < 2; k++, at++) {
          const value = (r: number, q: number) => field[((row + r) * grid + column + q) * 2 + k]!;
          const top = value(0, 0) + (value(0, 1) - value(0, 0)) * fx;
          const bottom = value(1, 0) + (value(1, 1) - value(1, 0)) * fx;
          this.resampler.map[at]! += (top + (bottom - top) * fy) * strength * (k === 0 ? w : h) * ONE;
        }
      }
    }
  }

  /** Brightness, contrast, saturation and hue, in random strength; saturation and hue for colour alone. */
  private colour(picture: Uint8Array, random: Random): void {
    const { channels: c } = this.shape;
    const { rule } = this;
    const bright = 1 + symmetric(random, rule.brightness);
    const contrast = 1 + symmetric(random, rule.contrast);
    const vivid = 1 + symmetric(random, rule.saturation);
    const turn = symmetric(random, rule.hue) * DEGREE;
    let mean = 0;
    for (const value of picture) mean += value;
    mean = (mean / picture.length) * bright;
    const level = (value: number) => (value * bright - mean) * contrast + mean;
    if (c !== 3) {
      for (let i = 0; i < picture.length; i++) picture[i] = toByte(level(picture[i]!));
      return;
    }
    // A turn about the grey axis, in the YIQ plane.
    const [cos, sin] = [vivid * Math.cos(turn), vivid * Math.sin(turn)];
    for (let i = 0; i < picture.length; i += 3) {
      const [r, g, b] = [level(picture[i]!), level(picture[i + 1]!), level(picture[i + 2]!)];
      const y = 0.299 * r + 0.587 * g + 0.114 * b;
      const p = 0.5959 * r - 0.2746 * g - 0.3213 * b;
      const q = 0.2115 * r - 0.5227 * g + 0.3112 * b;
      const [p2, q2] = [p * cos - q * sin, p * sin + q * cos];
      picture[i] = toByte(y + 0.956 * p2 + 0.619 * q2);
      picture[i + 1] = toByte(y - 0.272 * p2 - 0.647 * q2);
      picture[i + 2] = toByte(y - 1.106 * p2 + 1.703 * q2);
    }
  }

  /** Gaussian blur, rows then columns. */
  private blur(picture: Uint8Array, deviation: number): void {
    if (deviation < 0.2) return;
    const { height: h, width: w, channels: c } = this.shape;
    const radius = Math.ceil(2.5 * deviation);
    const weights = Float32Array.from({ length: 2 * radius + 1 }, (_, i) =>
      Math.exp(-((i - radius) ** 2) / (2 * deviation ** 2)),
    );
    const total = weights.reduce((a, b) => a + b, 0);
    const pass = (
      from: ArrayLike<number>,
      to: Uint8Array | Float32Array,
      n: number,
      step: number,
      rounding: number,
    ) => {
      for (let i = 0; i < picture.length; i++) {
        const place = Math.floor(i / step) % n;
        let sum = 0;
        for (let k = -radius; k <= radius; k++)
          sum += weights[k + radius]! * from[i + (Math.min(Math.max(place + k, 0), n - 1) - place) * step]!;
        to[i] = sum / total + rounding;
      }
    };
    pass(picture, this.values, w, c, 0);
    pass(this.values, picture, h, w * c, 0.5);
  }

  private noise(picture: Uint8Array, deviation: number, random: Random): void {
    random.fillNormal(this.values);
    for (let i = 0; i < picture.length; i++) picture[i] = toByte(picture[i]! + deviation * this.values[i]!);
  }

  /** Random erasing: 2 to 33 % of the area, aspect 0.3 to 3.3, uniform noise inside (Zhong et al. 2017, section 3). */
  private erase(picture: Uint8Array, random: Random): void {
    const { height: h, width: w, channels: c } = this.shape;
    const area = (0.02 + 0.31 * random.uniform()) * h * w;
    const aspect = Math.exp(symmetric(random, Math.log(3.3)));
    const tall = Math.max(1, Math.min(h, Math.round(Math.sqrt(area * aspect))));
    const wide = Math.max(1, Math.min(w, Math.round(Math.sqrt(area / aspect))));
    const [y0, x0] = [random.integer(h - tall + 1), random.integer(w - wide + 1)];
    for (let y = y0; y < y0 + tall; y++)
      for (let i = (y * w + x0) * c; i < (y * w + x0 + wide) * c; i++) picture[i] = random.integer(256);
  }
}

const toByte = (value: number): number => Math.min(255, Math.max(0, value + 0.5));
