// Values of TensorBoard's Summary message: numbers, pictures, histograms and hyperparameters.
import type { PbfWriter } from "pbf";

/** Writes one value of a summary: a Summary.Value message. */
export type SummaryValue = (out: PbfWriter) => void;

/** A number. */
export const scalarValue =
  (tag: string, value: number): SummaryValue =>
  (out) => {
    out.writeStringField(1, tag);
    out.writeFloatField(2, value);
  };

/** A picture: height, width, colour space (1: grey, 3: RGB) and the file, as PNG's own header has them. */
export const imageValue =
  (tag: string, png: Buffer): SummaryValue =>
  (out) => {
    out.writeStringField(1, tag);
    message(out, 4, () => {
      out.writeVarintField(1, png.readUInt32BE(20));
      out.writeVarintField(2, png.readUInt32BE(16));
      out.writeVarintField(3, png[25] === 0 ? 1 : 3);
      out.writeBytesField(4, png);
    });
  };

/** How some values are spread: counts of ranges of equal width, by the upper end of each. */
export interface Histogram {
  readonly min: number;
  readonly max: number;
  readonly count: number;
  readonly sum: number;
  readonly squares: number;
  readonly limits: readonly number[];
  readonly counts: readonly number[];
}

/** Ranges of a histogram, and values that it is made of, at most: of more, evenly spread ones are taken. */
const [RANGES, MOST_VALUES] = [30, 100_000];

/** The histogram of the finite ones of some values; undefined without any. */
export function histogramOf(values: ArrayLike<number>): Histogram | undefined {
  const stride = Math.max(1, Math.ceil(values.length / MOST_VALUES));
  let [min, max, count, sum, squares] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0, 0];
  for (let i = 0; i < values.length; i += stride) {
    const value = values[i]!;
    if (!Number.isFinite(value)) continue;
    count++;
    sum += value;
    squares += value * value;
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  if (count === 0) return undefined;
  // Of equal values, one range holds all.
  const ranges = max > min ? RANGES : 1;
  const width = (max - min) / ranges;
  const counts = new Array<number>(ranges).fill(0);
  for (let i = 0; i < values.length; i += stride) {
    const value = values[i]!;
    if (Number.isFinite(value)) counts[width > 0 ? Math.min(ranges - 1, Math.floor((value - min) / width)) : 0]!++;
  }
  const limits = counts.map((_, i) => (i === ranges - 1 ? max : min + width * (i + 1)));
  return { min, max, count, sum, squares, limits, counts };
}

/** A histogram, as HistogramProto. */
export const histogramValue =
  (tag: string, { min, max, count, sum, squares, limits, counts }: Histogram): SummaryValue =>
  (out) => {
    out.writeStringField(1, tag);
    message(out, 5, () => {
      for (const [i, value] of [min, max, count, sum, squares].entries()) out.writeDoubleField(i + 1, value);
      out.writePackedDouble(6, [...limits]);
      out.writePackedDouble(7, [...counts]);
    });
  };

/** Values of hyperparameters. */
export type HyperParameters = Readonly<Record<string, string | number | boolean>>;

/** What a run was trained with: SessionStartInfo of the plugin hparams. */
export const hyperParametersValue = (values: HyperParameters, begun: number): SummaryValue =>
  ofHparams("_hparams_/session_start_info", 3, (out) => {
    for (const [name, value] of Object.entries(values))
      message(out, 1, () => {
        out.writeStringField(1, name);
        // google.protobuf.Value
        message(out, 2, () => {
          if (typeof value === "number") out.writeDoubleField(2, value);
          else if (typeof value === "boolean") out.writeBooleanField(4, value);
          else out.writeStringField(3, value);
        });
      });
    out.writeDoubleField(5, begun);
  });

/** How a run ended: SessionEndInfo of the same plugin, whose status is 1 for success and 2 for failure. */
export const sessionEndValue = (isWhole: boolean, ended: number): SummaryValue =>
  ofHparams("_hparams_/session_end_info", 4, (out) => {
    out.writeVarintField(1, isWhole ? 1 : 2);
    out.writeDoubleField(2, ended);
  });

/** A value of the plugin: its message is in the metadata, and its tensor is empty. */
const ofHparams =
  (tag: string, field: number, body: (out: PbfWriter) => void): SummaryValue =>
  (out) => {
    out.writeStringField(1, tag);
    // float32, of shape [0]
    message(out, 8, () => {
      out.writeVarintField(1, 1);
      message(out, 2, () => message(out, 2, () => out.writeVarintField(1, 0)));
    });
    message(out, 9, () =>
      message(out, 1, () => {
        out.writeStringField(1, "hparams");
        // The plugin's message, of version 0, stands in a field of bytes, which is encoded alike.
        message(out, 2, () => message(out, field, () => body(out)));
      }),
    );
  };

function message(out: PbfWriter, field: number, write: () => void): void {
  out.writeMessage(field, () => write(), undefined);
}
