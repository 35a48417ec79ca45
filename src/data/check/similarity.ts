// How similar two pictures are: a perceptual hash to find candidates, and the correlation of their fine structure to decide.
import type { PictureShape } from "../picture.ts";

const SIDE = 32;
/** Bits of a difference hash. */
export const HASH_BITS = 64;

/** What is kept of a picture for comparison. */
export interface PictureDescriptor {
  /** Difference hash, 64 bits in two words: whether each of 8x8 cells is darker than the next (Krawetz 2013, "Kind of like that"). */
  readonly hash: readonly [number, number];
  /** Grey values 0..255 of the picture reduced to 32x32, `[32, 32]`. */
  readonly grey: Float32Array;
  /**
   * Fine structure: the grey values less the mean around each, `[32, 32]`, scaled so that their squares add up to 1. Different
   * pictures of one kind differ in it. All zeros for a picture of one grey.
   */
  readonly detail: Float32Array;
}

/** What is compared of a picture. @param bytes the picture, `[h, w, c]` */
export function describePicture(bytes: Uint8Array, shape: PictureShape): PictureDescriptor {
  const grey = areaMean(luminance(bytes, shape), shape.height, shape.width, SIDE, SIDE);
  return { hash: differenceHash(grey), grey, detail: detailOf(grey) };
}

/** Grey values 0..255 of a picture `[h, w, c]`, `[h, w]`: of colour by the weights of ITU-R BT.601. */
export function luminance(bytes: Uint8Array, { height, width, channels }: PictureShape): Float32Array {
  const out = new Float32Array(height * width);
  for (let i = 0; i < out.length; i++)
    out[i] =
      channels === 3
        ? 0.299 * bytes[3 * i]! + 0.587 * bytes[3 * i + 1]! + 0.114 * bytes[3 * i + 2]!
        : bytes[i * channels]!;
  return out;
}

/** Means over equal cells, which may cut pixels. */
export function areaMean(values: Float32Array, h: number, w: number, rows: number, columns: number): Float32Array {
  const horizontal = resample(values, h, w, columns, 1, w);
  return resample(horizontal, columns, h, rows, columns, 1);
}

/** Area means along one axis of `length` for each of `lines`; `line` and `step` are distances in memory. */
function resample(values: Float32Array, lines: number, length: number, cells: number, step: number, line: number) {
  const out = new Float32Array(lines * cells);
  for (let cell = 0; cell < cells; cell++) {
    const [from, to] = [(cell * length) / cells, ((cell + 1) * length) / cells];
    for (let i = Math.floor(from); i < Math.min(length, Math.ceil(to)); i++) {
      const share = (Math.min(i + 1, to) - Math.max(i, from)) / (to - from);
      for (let k = 0; k < lines; k++) {
        const at = step === 1 ? k * cells + cell : cell * lines + k;
        out[at]! += share * values[k * line + i * step]!;
      }
    }
  }
  return out;
}

function differenceHash(grey: Float32Array): [number, number] {
  const cells = areaMean(grey, SIDE, SIDE, 8, 9);
  const words: [number, number] = [0, 0];
  for (let i = 0; i < HASH_BITS; i++) {
    const at = Math.floor(i / 8) * 9 + (i % 8);
    if (cells[at]! < cells[at + 1]!) words[i >> 5]! |= 1 << (i & 31);
  }
  return words;
}

/** Number of bits in which the hashes (a0, a1) and (b0, b1) differ, 0..64. */
export function hashDistance(a0: number, a1: number, b0: number, b1: number): number {
  return ones(a0 ^ b0) + ones(a1 ^ b1);
}

function ones(word: number): number {
  let v = word - ((word >>> 1) & 0x55555555);
  v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
  return Math.imul((v + (v >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Values less the mean of the 5x5 around them, scaled to length 1. */
function detailOf(grey: Float32Array): Float32Array {
  const across = boxMean(grey, 1);
  const mean = boxMean(across, SIDE);
  const out = new Float32Array(grey.length);
  let squares = 0;
  for (let i = 0; i < grey.length; i++) {
    out[i] = grey[i]! - mean[i]!;
    squares += out[i]! ** 2;
  }
  const length = Math.sqrt(squares);
  // A picture without any structure is like no other.
  if (length > 1) for (let i = 0; i < out.length; i++) out[i]! /= length;
  else out.fill(0);
  return out;
}

/** Mean over up to five neighbours along one axis. */
function boxMean(values: Float32Array, step: number): Float32Array {
  const out = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const place = Math.floor(i / step) % SIDE;
    const [from, to] = [Math.max(-2, -place), Math.min(2, SIDE - 1 - place)];
    let sum = 0;
    for (let k = from; k <= to; k++) sum += values[i + k * step]!;
    out[i] = sum / (to - from + 1);
  }
  return out;
}

/** Sum of the products of values, over as many as `a` has: the correlation where both are fine structures. */
export function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

const SCALES = [1, 0.96, 0.92];
/** Below this after whole steps, half steps would not help. */
const PROMISING = 0.7;

/**
 * Correlation of the fine structure of two pictures, -1..1: the largest over slight crops of either, so that a picture that
 * was cut at its edges is still found. 1 for the same picture.
 */
export function similarity(a: PictureDescriptor, b: PictureDescriptor): number {
  let best = { value: dot(a.detail, b.detail), of: b, with: a, scale: 1, dx: 0, dy: 0 };
  const attempt = (of: PictureDescriptor, other: PictureDescriptor, scale: number, dx: number, dy: number) => {
    const value = dot(other.detail, detailOf(cropped(of.grey, scale, dx, dy)));
    if (value > best.value) best = { value, of, with: other, scale, dx, dy };
  };
  for (const scale of SCALES)
    for (const dx of [-1, 0, 1])
      for (const dy of [-1, 0, 1]) {
        attempt(b, a, scale, dx, dy);
        if (scale !== 1) attempt(a, b, scale, dx, dy);
      }
  if (best.value < PROMISING) return best.value;
  const { of, with: other, scale, dx, dy } = best;
  for (const x of [-0.5, 0, 0.5]) for (const y of [-0.5, 0, 0.5]) attempt(of, other, scale, dx + x, dy + y);
  return best.value;
}

function cropped(grey: Float32Array, scale: number, dx: number, dy: number): Float32Array {
  const out = new Float32Array(grey.length);
  const middle = (SIDE - 1) / 2;
  const inside = (value: number) => Math.min(Math.max(value, 0), SIDE - 1.001);
  for (let y = 0; y < SIDE; y++) {
    const v = inside((y - middle) * scale + middle + dy);
    const [y0, fy] = [Math.floor(v), v - Math.floor(v)];
    for (let x = 0; x < SIDE; x++) {
      const u = inside((x - middle) * scale + middle + dx);
      const [x0, fx] = [Math.floor(u), u - Math.floor(u)];
      const at = y0 * SIDE + x0;
      const top = grey[at]! + (grey[at + 1]! - grey[at]!) * fx;
      const bottom = grey[at + SIDE]! + (grey[at + SIDE + 1]! - grey[at + SIDE]!) * fx;
      out[y * SIDE + x] = top + (bottom - top) * fy;
    }
  }
  return out;
}
