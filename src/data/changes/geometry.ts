// Changes of place: mirror, shift, crop, rotation, size, shear, elastic displacement. All of them together are one resampling.
import type { Random } from "../../random/random.ts";
import type { Augmentation } from "../augment.ts";
import type { PictureShape } from "../picture.ts";
import { ONE, Resampler } from "../resample.ts";
import { DEGREE, logUniform, symmetric } from "./draw.ts";

/** How one picture is moved, about its centre: stretched, then turned and enlarged, sheared, mirrored and shifted. */
export interface Move {
  /** Shift in pixels, to the right and down. */
  dx: number;
  dy: number;
  readonly mirrored: boolean;
  /** Rotation in radians. */
  angle: number;
  /** Factor of the size. */
  readonly zoom: number;
  /** Factors of the width and of the height. */
  readonly stretch: readonly [width: number, height: number];
  /** Tangents of the angles by which columns lean and by which rows lean. */
  shear: number;
  slope: number;
  /** Share of each side that is cut away, and where the centre of the rest is, in pixels from the picture's. */
  readonly crop: { readonly share: number; readonly left: number; readonly above: number };
}

/** Changes that bring pixels to places between others, so that values are interpolated. */
const SMOOTH = ["rotate", "scale", "shear", "crop", "stretch", "elastic"] as const;

/** Points of the grid of random displacements, along each side. */
const GRID = 5;

/** Moves the pixels of pictures of one shape, as a policy says. */
export class Geometry {
  private readonly source: Uint8Array;
  private readonly resampler: Resampler;
  private readonly smooth: boolean;
  private readonly elastic: ElasticField;

  constructor(
    private readonly shape: PictureShape,
    private readonly rule: Augmentation,
  ) {
    this.source = new Uint8Array(shape.height * shape.width * shape.channels);
    this.resampler = new Resampler(shape);
    this.smooth = SMOOTH.some((name) => rule[name]);
    this.elastic = new ElasticField(shape);
  }

  /**
   * Moves one picture `[h, w, c]`, in place, by amounts drawn from `random`. What lies outside has the value of the nearest
   * pixel of the edge.
   * @param more what is to be added to the move that the policy asks for, in order
   */
  apply(picture: Uint8Array, random: Random, more: readonly ((move: Move) => void)[]): void {
    const { rule, shape } = this;
    const dx = symmetric(random, rule.shift) * shape.width;
    const dy = symmetric(random, rule.shift) * shape.height;
    // Who mirrors in turn does it in every epoch before (streams.ts).
    const mirrored = rule.flip !== undefined && !rule.mirror && random.uniform() < rule.flip;
    if (this.smooth || more.length > 0) {
      const move = this.draw(dx, dy, mirrored, random);
      for (const add of more) add(move);
      this.place(move);
      if (rule.elastic) this.elastic.addTo(this.resampler.map, random.uniform() * rule.elastic, random);
      this.resampler.apply(picture);
    } else if (mirrored || Math.round(dx) !== 0 || Math.round(dy) !== 0)
      this.shiftBy(picture, Math.round(dx), Math.round(dy), mirrored);
  }

  private draw(dx: number, dy: number, mirrored: boolean, random: Random): Move {
    const { height: h, width: w } = this.shape;
    const { rule } = this;
    const angle = symmetric(random, rule.rotate) * DEGREE;
    const zoom = 1 + symmetric(random, rule.scale);
    const shear = Math.tan(symmetric(random, rule.shear) * DEGREE);
    const share = rule.crop === undefined ? 0 : random.uniform() * rule.crop;
    const [left, above] = share > 0 ? [symmetric(random, share / 2) * w, symmetric(random, share / 2) * h] : [0, 0];
    const stretch = [logUniform(random, rule.stretch), logUniform(random, rule.stretch)] as const;
    return { dx, dy, mirrored, angle, zoom, stretch, shear, slope: 0, crop: { share, left, above } };
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

  /** Says where each pixel comes from: the move backwards. */
  private place({ dx, dy, mirrored, angle, zoom, stretch, shear, slope, crop }: Move): void {
    const [cx, cy] = [(this.shape.width - 1) / 2, (this.shape.height - 1) / 2];
    const [cos, sin] = [((1 - crop.share) * Math.cos(angle)) / zoom, ((1 - crop.share) * Math.sin(angle)) / zoom];
    const back = (x: number, y: number): [number, number] => {
      const [u, v] = [x + shear * y, y + slope * x];
      return [(cos * u + sin * v) / stretch[0], (cos * v - sin * u) / stretch[1]];
    };
    const [x, y] = back((mirrored ? cx : -cx) - dx, -cy - dy);
    this.resampler.place([x + cx + crop.left, y + cy + crop.above], back(mirrored ? -1 : 1, 0), back(0, 1));
  }
}

/** A smooth random field: normal values on a grid, interpolated (after Simard et al. 2003, section 2). */
class ElasticField {
  private readonly grid = new Float32Array(GRID * GRID * 2);
  /** The grid's rows, interpolated along x: `[GRID, w, 2]`. */
  private readonly rows: Float32Array;
  private readonly across: readonly Between[];
  private readonly down: readonly Between[];

  constructor({ height, width }: PictureShape) {
    this.rows = new Float32Array(GRID * width * 2);
    this.across = betweens(width);
    this.down = betweens(height);
  }

  /**
   * Adds a new field to a map of places, `[h, w, 2]` in units of 1/`ONE` pixel.
   * @param amount standard deviation of the displacement at the points of the grid, as a share of the side
   */
  addTo(map: Int32Array, amount: number, random: Random): void {
    const { grid, rows, across, down } = this;
    const [w, h] = [across.length, down.length];
    random.fillNormal(grid);
    for (let row = 0, at = 0; row < GRID; row++)
      for (const { point, share } of across)
        for (let k = 0; k < 2; k++) {
          const here = grid[(row * GRID + point) * 2 + k]!;
          const next = grid[(row * GRID + point + 1) * 2 + k]!;
          rows[at++] = (here + (next - here) * share) * amount * (k === 0 ? w : h) * ONE;
        }
    let at = 0;
    for (const { point, share } of down)
      for (let here = point * 2 * w, next = here + 2 * w, end = next; here < end; here++, next++)
        map[at++]! += rows[here]! + (rows[next]! - rows[here]!) * share;
  }
}

/** A place between a point of the grid and the next one. */
interface Between {
  readonly point: number;
  /** Weight of the next point, 0..1. */
  readonly share: number;
}

/** Where each of `n` pixels lies between the points of the grid; the weight goes over from one to the next smoothly. */
function betweens(n: number): Between[] {
  return Array.from({ length: n }, (_, i) => {
    const place = (i / Math.max(1, n - 1)) * (GRID - 1.001);
    const point = Math.floor(place);
    const t = place - point;
    return { point, share: t * t * (3 - 2 * t) };
  });
}
