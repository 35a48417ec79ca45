// Random changes of a picture that keep its class: a small affine map and a mirror, on bytes, while a batch is filled.
import type { Random } from "../base/random.ts";
import type { ImageSet } from "./dataset.ts";

/** Largest changes; a picture gets a uniform draw below each. */
export interface Augmentation {
  /** Shift as a share of the side. */
  readonly shift: number;
  /** Degrees. */
  readonly rotate: number;
  /** Relative change of size. */
  readonly scale: number;
  /** Whether half of the pictures are mirrored. */
  readonly mirror: boolean;
}

export const AUGMENTATIONS = {
  none: { shift: 0, rotate: 0, scale: 0, mirror: false },
  gentle: { shift: 0.04, rotate: 0, scale: 0, mirror: false },
  light: { shift: 0.08, rotate: 0, scale: 0, mirror: false },
  strong: { shift: 0.08, rotate: 10, scale: 0.1, mirror: false },
} as const satisfies Record<string, Augmentation>;

export type AugmentationName = keyof typeof AUGMENTATIONS | "auto";

/** `auto`: `strong` for greyscale that must not be mirrored (drawings), `gentle` for other greyscale, `light` for colour. */
export function chooseAugmentation(name: AugmentationName, channels: number, mirror: boolean): Augmentation {
  const chosen = name !== "auto" ? name : channels === 3 ? "light" : mirror ? "gentle" : "strong";
  return { ...AUGMENTATIONS[chosen], mirror: mirror && chosen !== "none" };
}

/** Writes a changed copy of picture `index` to `out` at `offset`. Bilinear; outside the picture its edge repeats. */
export function augmentInto(
  set: ImageSet,
  index: number,
  rule: Augmentation,
  random: Random,
  out: Uint8Array,
  offset: number,
): void {
  const { height: h, width: w, channels: c, pixels } = set;
  const symmetric = () => 2 * random.uniform() - 1;
  const dx = symmetric() * rule.shift * w;
  const dy = symmetric() * rule.shift * h;
  const angle = (symmetric() * rule.rotate * Math.PI) / 180;
  const zoom = 1 + symmetric() * rule.scale;
  const flip = random.uniform() < 0.5 && rule.mirror ? -1 : 1;
  const start = index * h * w * c;
  if (rule.rotate === 0 && rule.scale === 0) {
    shiftInto(set, start, Math.round(dx), Math.round(dy), flip, out, offset);
    return;
  }
  const [cos, sin] = [Math.cos(angle) / zoom, Math.sin(angle) / zoom];
  const [cx, cy] = [(w - 1) / 2, (h - 1) / 2];
  let at = offset;
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) {
      const u = flip * (x - cx) - dx;
      const v = y - cy - dy;
      const px = Math.min(Math.max(cos * u + sin * v + cx, 0), w - 1);
      const py = Math.min(Math.max(cos * v - sin * u + cy, 0), h - 1);
      const x0 = Math.min(Math.floor(px), Math.max(0, w - 2));
      const y0 = Math.min(Math.floor(py), Math.max(0, h - 2));
      const fx = px - x0;
      const fy = py - y0;
      const right = w > 1 ? c : 0;
      const below = h > 1 ? w * c : 0;
      let from = start + (y0 * w + x0) * c;
      for (let k = 0; k < c; k++, from++) {
        const top = pixels[from]! + (pixels[from + right]! - pixels[from]!) * fx;
        const bottom = pixels[from + below]! + (pixels[from + below + right]! - pixels[from + below]!) * fx;
        out[at++] = top + (bottom - top) * fy + 0.5;
      }
    }
}

function shiftInto(
  { height: h, width: w, channels: c, pixels }: ImageSet,
  start: number,
  dx: number,
  dy: number,
  flip: number,
  out: Uint8Array,
  offset: number,
): void {
  let at = offset;
  for (let y = 0; y < h; y++) {
    const row = start + Math.min(Math.max(y - dy, 0), h - 1) * w * c;
    for (let x = 0; x < w; x++) {
      const column = Math.min(Math.max((flip > 0 ? x : w - 1 - x) - dx, 0), w - 1);
      for (let k = 0; k < c; k++) out[at++] = pixels[row + column * c + k]!;
    }
  }
}
