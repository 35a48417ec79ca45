// Novelty: how unlike its training data a model finds a picture, and whether it can tell.
import type { NdArray } from "../base/array.ts";
import { NOVELTY_PICTURES } from "../metrics/index.ts";
import type { Fitted } from "../metrics/metric.ts";
import { Random } from "../random/random.ts";

/** What novelty is computed from. */
export interface NoveltyBasis {
  /** Lower bounds on ln p(x), nats `[n]`, of pictures as bytes `[n, h, w, c]`; undefined for a model without a density. */
  readonly bound: ((pictures: Uint8Array) => Promise<NdArray>) | undefined;
  readonly fitted: Fitted;
  /** Bytes of a picture. */
  readonly pictureSize: number;
}

/** Pictures of random pixels that must be told from the validation pictures. */
const RANDOM_PICTURES = 8;

/** The novelty that a trained model gives pictures: see `Prediction.novelty`. */
export class Novelty {
  private lacking: Promise<string | undefined> | undefined;

  constructor(private readonly basis: NoveltyBasis) {}

  /** Novelty `[n]` of bytes `[n, h, w, c]`; undefined where it has no basis. */
  async of(pictures: Uint8Array): Promise<Float64Array | undefined> {
    return (await this.lacks()) === undefined ? this.score(pictures) : undefined;
  }

  /**
   * What novelty lacks; undefined where it has its basis: a density, validation pictures to compare with, and that random
   * pixels are beyond 99 % of those. Where even these count as typical, the density tells nothing yet.
   */
  lacks(): Promise<string | undefined> {
    this.lacking ??= this.findLacking();
    // The next call tries again.
    this.lacking.catch(() => {
      this.lacking = undefined;
    });
    return this.lacking;
  }

  private async findLacking(): Promise<string | undefined> {
    if (!this.basis.bound) return "the model has no density";
    if (!this.scale) return `there were fewer than ${NOVELTY_PICTURES} validation pictures to compare with`;
    const random = new Random(0, "novelty of random pixels");
    const pixels = Uint8Array.from({ length: RANDOM_PICTURES * this.basis.pictureSize }, () => random.integer(256));
    const found = await this.score(pixels);
    return found.every((value) => value > 1)
      ? undefined
      : "random pixels count as typical: the model is trained too little";
  }

  /** Where novelty is 0 and where it is 1, as negative bounds in nats. */
  private get scale(): { readonly median: number; readonly p99: number } | undefined {
    const [median, p99] = ["novelty/median", "novelty/p99"].map((name) => this.basis.fitted.get(name)?.data[0]);
    return median === undefined || p99 === undefined ? undefined : { median, p99 };
  }

  private async score(pictures: Uint8Array): Promise<Float64Array> {
    const { median, p99 } = this.scale!;
    const { data } = await this.basis.bound!(pictures);
    const span = Math.max(p99 - median, 1e-6);
    return Float64Array.from(data, (value) => (-value - median) / span);
  }
}
