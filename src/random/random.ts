// Counter-based randomness: a value depends only on (seed, stream, counter), so runs repeat and resume exactly.
import { type Distribution, fill } from "./fill.ts";
import { threefry2x32 } from "./threefry.ts";

/** A name as a whole number in 0..2^32-1 (the hash FNV-1a of its UTF-16 units). */
export function hashName(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** A named stream of random numbers. `counter` is its whole state. */
export class Random {
  private readonly block = new Uint32Array(2);
  private readonly key0: number;
  private readonly key1: number;
  /** Blocks of two words that have been drawn. */
  counter: number;

  /**
   * @param seed a whole number, of which the lower 32 bits count
   * @param stream a name, or a whole number of 32 bits: other streams of a seed have other numbers
   * @param counter where to go on
   */
  constructor(seed: number, stream: string | number = 0, counter = 0) {
    this.key0 = seed | 0;
    this.key1 = typeof stream === "string" ? hashName(stream) : stream | 0;
    this.counter = counter;
  }

  private next(): void {
    const counter = this.counter++;
    const high = counter < 0x1_0000_0000 ? 0 : Math.floor(counter / 0x1_0000_0000);
    threefry2x32(this.key0, this.key1, counter | 0, high, this.block, 0);
  }

  /** Uniform in (0, 1), 32 bits. */
  uniform(): number {
    this.next();
    return (this.block[0]! + 0.5) / 0x1_0000_0000;
  }

  /** Uniform integer in [0, limit). */
  integer(limit: number): number {
    return Math.floor(this.uniform() * limit);
  }

  /** Fills with uniform numbers in (0, 1). */
  fillUniform(out: Float32Array): void {
    this.fill("uniform", out);
  }

  /** Fills with standard normal numbers. */
  fillNormal(out: Float32Array): void {
    this.fill("normal", out);
  }

  private fill(distribution: Distribution, out: Float32Array): void {
    fill(distribution, this.key0, this.key1, this.counter, out);
    this.counter += Math.ceil(out.length / 2);
  }

  /** One standard normal number. */
  normal(): number {
    const pair = new Float32Array(1);
    this.fillNormal(pair);
    return pair[0]!;
  }

  /** Gamma(shape, 1), shape > 0: Marsaglia & Tsang 2000, "A Simple Method for Generating Gamma Variables". */
  gamma(shape: number): number {
    if (shape < 1) return this.gamma(shape + 1) * this.uniform() ** (1 / shape);
    const d = shape - 1 / 3;
    for (;;) {
      const x = this.normal();
      const v = (1 + x / Math.sqrt(9 * d)) ** 3;
      if (v > 0 && Math.log(this.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
    }
  }

  /** Beta(a, b). */
  beta(a: number, b: number): number {
    const [x, y] = [this.gamma(a), this.gamma(b)];
    return x + y > 0 ? x / (x + y) : 0.5;
  }

  /** A random order of 0..length-1 (Fisher-Yates). */
  permutation(length: number): Int32Array {
    const order = Int32Array.from({ length }, (_, i) => i);
    for (let i = length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const kept = order[i]!;
      order[i] = order[j]!;
      order[j] = kept;
    }
    return order;
  }
}
