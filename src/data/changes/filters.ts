// Changes of a pixel by its neighbours: blur, sharpness, and thicker or thinner strokes. Beyond the edge, the edge repeats.
import { type PictureShape, toByte } from "../picture.ts";

/** Filters pictures of one shape, `[h, w, c]`, in place, each channel alone. */
export class Filters {
  /** Values between two passes. */
  private readonly between: Float32Array;

  constructor(private readonly shape: PictureShape) {
    this.between = new Float32Array(shape.height * shape.width * shape.channels);
  }

  /**
   * Gaussian blur, rows then columns.
   * @param deviation in pixels; below 0.2 the picture stays as it is
   */
  blur(picture: Uint8Array, deviation: number): void {
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
    pass(picture, this.between, w, c, 0);
    pass(this.between, picture, h, w * c, 0.5);
  }

  /**
   * Blends each pixel with the largest or the smallest value of the 3x3 around it: strokes become thicker or thinner.
   * @param share of that value, 0..1
   */
  stroke(picture: Uint8Array, extreme: "largest" | "smallest", share: number): void {
    const { between } = this;
    const { width: w, channels: c } = this.shape;
    const row = w * c;
    // The smallest value is the largest one of the inverted picture.
    const inverted = extreme === "smallest" ? 255 : 0;
    for (let start = 0; start < picture.length; start += row)
      for (let j = 0, i = start; j < row; j++, i++) {
        const here = picture[i]! ^ inverted;
        const left = j >= c ? picture[i - c]! ^ inverted : here;
        const right = j < row - c ? picture[i + c]! ^ inverted : here;
        between[i] = Math.max(left, here, right);
      }
    for (let i = 0; i < picture.length; i++) {
      const here = between[i]!;
      const above = i >= row ? between[i - row]! : here;
      const below = i < picture.length - row ? between[i + row]! : here;
      const value = picture[i]!;
      picture[i] = toByte(value + ((Math.max(above, here, below) ^ inverted) - value) * share);
    }
  }

  /**
   * Blends with a slightly smoothed picture, as Pillow's `ImageEnhance.Sharpness` does; pixels of the edge stay.
   * @param factor 0: smoothed; 1: as it is; above: sharper
   */
  sharpen(picture: Uint8Array, factor: number): void {
    const { between } = this;
    const { height: h, width: w, channels: c } = this.shape;
    const row = w * c;
    between.set(picture);
    for (let y = 1; y < h - 1; y++)
      for (let i = y * row + c; i < (y + 1) * row - c; i++) {
        let sum = 4 * between[i]!;
        for (let k = i - row; k <= i + row; k += row) sum += between[k - c]! + between[k]! + between[k + c]!;
        const smooth = sum / 13;
        picture[i] = toByte(smooth + (between[i]! - smooth) * factor);
      }
  }
}
