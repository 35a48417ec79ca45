// The changes of augment.ts on the bytes of one picture [h, w, c], in place, while a batch is filled.
import type { Random } from "../random/random.ts";
import type { Augmentation } from "./augment.ts";
import { recolour } from "./changes/colour.ts";
import { applyCurve, gamma } from "./changes/curves.ts";
import { DEGREE, logUniform, symmetric } from "./changes/draw.ts";
import { cutOut, eraseRectangle } from "./changes/erase.ts";
import { Filters } from "./changes/filters.ts";
import { Geometry, type Move } from "./changes/geometry.ts";
import { addNoise } from "./changes/noise.ts";
import { pickOperations } from "./changes/operations.ts";
import type { PictureShape } from "./picture.ts";

/** Makes the random changes of one policy, other than mixing, on pictures of one shape. */
export class Transformer {
  private readonly geometry: Geometry;
  private readonly filters: Filters;

  constructor(
    private readonly shape: PictureShape,
    private readonly rule: Augmentation,
  ) {
    this.geometry = new Geometry(shape, rule);
    this.filters = new Filters(shape);
  }

  /**
   * Changes the picture that begins at `bytes[at]`, in place. The amounts are drawn from `random`, always in the same order,
   * so that the same state of it gives the same picture.
   */
  apply(bytes: Uint8Array, at: number, random: Random): void {
    const { shape, rule, filters } = this;
    const picture = bytes.subarray(at, at + shape.height * shape.width * shape.channels);
    const operations = rule.operations ? pickOperations(rule.operations, shape, random) : [];
    const tools = { shape, filters, random };
    const moves = operations.flatMap(({ move }) => (move ? [(whole: Move) => move(whole, tools)] : []));
    this.geometry.apply(picture, random, moves);
    // At most 0.7 of the extreme value, so that a stroke of two pixels is not lost where it becomes thinner.
    if (rule.stroke && random.uniform() < rule.stroke)
      filters.stroke(picture, random.uniform() < 0.5 ? "largest" : "smallest", 0.3 + 0.4 * random.uniform());
    if (rule.brightness || rule.contrast || rule.saturation || rule.hue) this.colour(picture, random);
    if (rule.gamma) applyCurve(picture, gamma(logUniform(random, rule.gamma)));
    for (const { change } of operations) change?.(picture, tools);
    if (rule.blur) filters.blur(picture, random.uniform() * rule.blur);
    if (rule.noise) addNoise(picture, random.uniform() * rule.noise * 255, random);
    if (rule.erase && random.uniform() < rule.erase) eraseRectangle(picture, shape, random);
    if (rule.cutout) cutOut(picture, shape, random.uniform() * rule.cutout, random);
  }

  private colour(picture: Uint8Array, random: Random): void {
    const { rule } = this;
    const brightness = 1 + symmetric(random, rule.brightness);
    const contrast = 1 + symmetric(random, rule.contrast);
    const saturation = 1 + symmetric(random, rule.saturation);
    const hue = symmetric(random, rule.hue) * DEGREE;
    recolour(picture, this.shape, { brightness, contrast, saturation, hue });
  }
}
