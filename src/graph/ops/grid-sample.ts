// Bilinear samples of pictures at places that are computed (Jaderberg et al. 2015, "Spatial Transformer Networks", section
// 3.3). Its derivatives are made of gathers and scatters, so they nest.
import { ndarray, sizeOf } from "../../base/array.ts";
import { fail } from "../../base/errors.ts";
import { apply, constant, type OpDef, type Tensor, typeText } from "../tensor.ts";
import { add, mul, sub } from "./binary.ts";
import { gather, scatterAdd } from "./gather.ts";
import { sum } from "./reduce.ts";
import { cast } from "./select.ts";
import { concat, reshape, sliceAxis } from "./shape.ts";
import { clip, floor, step } from "./unary.ts";
import { storage } from "./values.ts";

type None = Record<string, never>;
type Four = readonly [number, number, number, number];

/** Where each place of a grid lies along one axis of the picture; all are `[n, oh, ow, 1]`. */
interface Places {
  /** int32 number of the pixel before it. */
  readonly low: Tensor;
  /** How far beyond that pixel's centre it lies, 0..1. */
  readonly share: Tensor;
  /** Derivative of the place, in pixels, by the grid's coordinate: zero where the edge repeats. */
  readonly slope: Tensor;
}

function placesOf(grid: Tensor, axis: 0 | 1, size: number): Places {
  const free = sub(mul(add(sliceAxis(grid, 3, axis, axis + 1), 1), size / 2), 0.5);
  const place = clip(free, 0, size - 1);
  const low = clip(floor(place), 0, Math.max(0, size - 2));
  const inside = mul(step(free), step(sub(size - 1, free)));
  return { low: cast(low, "int32"), share: sub(place, low), slope: mul(inside, size / 2) };
}

const rest = (share: Tensor): Tensor => sub(1, share);

/** From `a` to `b` by `share`. */
const between = (share: Tensor, a: Tensor, b: Tensor): Tensor => add(mul(rest(share), a), mul(share, b));

/**
 * The four pixels around each place: left above, right above, left below, right below.
 * @returns row numbers in the picture as `[n * h * w, c]`, each int32 `[n * oh * ow]`: exact for any number that fits 31 bits
 */
function cornerRows(x: Places, y: Places, [n, h, w]: Four): Tensor[] {
  const firsts = Int32Array.from({ length: n }, (_, image) => image * h * w);
  const first = constant(ndarray("int32", [n, 1, 1, 1], firsts));
  const upperLeft = reshape(add(add(mul(y.low, w), x.low), first), [-1]);
  const [right, below] = [w > 1 ? 1 : 0, h > 1 ? w : 0];
  return [0, right, below, right + below].map((offset) => add(upperLeft, offset));
}

/** `[n, h, w, c]` and a grid `[n, oh, ow, 2]` to `[n, oh, ow, c]`. */
export const gridSampleOp: OpDef<None> = {
  name: "gridSample",
  infer([x, grid]) {
    const [n, oh, ow, two] = grid!.shape as Four;
    const fits = x!.shape.length === 4 && grid!.shape.length === 4 && n === x!.shape[0] && two === 2;
    if (!fits || x!.dtype !== "float32" || grid!.dtype !== "float32")
      fail(
        "E_SHAPE",
        `gridSample: expected pictures float32[n,h,w,c] and a grid float32[n,oh,ow,2], got ${typeText(x!)} and ${typeText(grid!)}`,
      );
    return { shape: [n, oh, ow, x!.shape[3]!], dtype: "float32" };
  },
  evaluate([x, grid], _attrs, out) {
    const [, h, w, c] = x!.shape as Four;
    const values = storage("float32", sizeOf(out.shape));
    const pixelsOfImage = out.shape[1]! * out.shape[2]!;
    const along = (coordinate: number, size: number): [low: number, share: number] => {
      const place = Math.min(Math.max(((coordinate + 1) * size) / 2 - 0.5, 0), size - 1);
      const low = Math.min(Math.floor(place), Math.max(0, size - 2));
      return [low, place - low];
    };
    for (let pixel = 0; pixel < grid!.data.length / 2; pixel++) {
      const [left, fx] = along(grid!.data[2 * pixel]!, w);
      const [top, fy] = along(grid!.data[2 * pixel + 1]!, h);
      const image = Math.floor(pixel / pixelsOfImage);
      const at = (row: number, column: number, channel: number) =>
        x!.data[((image * h + Math.min(row, h - 1)) * w + Math.min(column, w - 1)) * c + channel]!;
      for (let k = 0; k < c; k++) {
        const upper = (1 - fx) * at(top, left, k) + fx * at(top, left + 1, k);
        const lower = (1 - fx) * at(top + 1, left, k) + fx * at(top + 1, left + 1, k);
        values[pixel * c + k] = (1 - fy) * upper + fy * lower;
      }
    }
    return values;
  },
  grad(node, dy, needs) {
    const [picture, grid] = node.inputs as [Tensor, Tensor];
    const shape = picture.shape as Four;
    const [n, h, w, c] = shape;
    const [x, y] = [placesOf(grid, 0, w), placesOf(grid, 1, h)];
    const rows = cornerRows(x, y, shape);
    /** Each pixel takes from dy the share that it gave: one scatter of the four corners' shares. */
    const pictureAdjoint = () => {
      const shares = [rest(y.share), y.share].flatMap((fy) => [rest(x.share), x.share].map((fx) => mul(fy, fx)));
      const parts = shares.map((share) => reshape(mul(dy, share), [-1, c]));
      return reshape(scatterAdd(concat(parts, 0), concat(rows, 0), [n * h * w, c]), shape);
    };
    /** Along each axis the value rises by the difference of the pixels on both sides. */
    const gridAdjoint = () => {
      const pixels = reshape(picture, [n * h * w, c]);
      const [a, b, d, e] = rows.map((row) => reshape(gather(pixels, row), node.shape)) as [
        Tensor,
        Tensor,
        Tensor,
        Tensor,
      ];
      const alongX = between(y.share, sub(b, a), sub(e, d));
      const alongY = between(x.share, sub(d, a), sub(e, b));
      const coordinate = (rise: Tensor, { slope }: Places) => mul(sum(mul(dy, rise), 3, true), slope);
      return concat([coordinate(alongX, x), coordinate(alongY, y)], 3);
    };
    return [needs[0] ? pictureAdjoint() : undefined, needs[1] ? gridAdjoint() : undefined];
  },
  lower(emit, _node, [x, grid]) {
    const channelsFirst = emit.node("Transpose", [x!], { perm: [0, 3, 1, 2] });
    const y = emit.node("GridSample", [channelsFirst, grid!], {
      mode: "bilinear",
      padding_mode: "border",
      align_corners: 0,
    });
    return emit.node("Transpose", [y], { perm: [0, 2, 3, 1] });
  },
};

/**
 * Bilinear samples of pictures at given places (Jaderberg et al. 2015, section 3.3); PyTorch's `grid_sample` with
 * `align_corners=False, padding_mode="border"`.
 * @param x `[n, h, w, c]`
 * @param grid `[n, oh, ow, 2]`: (x, y) of each sample; -1 and 1 are the outer edges of the outer pixels, and outside of them
 *   the edge repeats
 * @returns `[n, oh, ow, c]`
 * @throws `E_SHAPE` when the two do not fit or are not float32
 */
export const gridSample = (x: Tensor, grid: Tensor): Tensor => apply(gridSampleOp, [x, grid], {});
