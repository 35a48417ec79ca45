// How well a model tells angles: pictures are turned by known ones, and what it says is compared.
import type { StopSignal } from "../base/stop-signal.ts";
import { gather, type ImageSet } from "../data/dataset.ts";
import { turnPicture } from "../data/turn.ts";
import { wrapDegrees } from "../metrics/circular.ts";
import { meanInterval } from "../metrics/intervals.ts";
import { Random } from "../random/random.ts";
import { type Finding, finding } from "./finding.ts";
import type { TrainedModel } from "./trained.ts";

/** Pictures that are turned, at most, and values of all of them: large ones take long. */
const [MOST_TURNED, MOST_VALUES] = [2000, 8e6];
/** Digits, and those of them that look the same upside down: an angle of these is told up to half a turn. */
const DIGITS = "0123456789";
const HALF_TURN = "018";

/** Degrees after which a picture of a class looks the same again. */
const periodOf = (classes: readonly string[], label: number): number =>
  classes.join("") === DIGITS && HALF_TURN.includes(classes[label] ?? " ") ? 180 : 360;

/** Pictures of a set, and how far off the angles are by which they were turned. */
export interface TurnErrors {
  /** Which pictures, `[n]`. */
  readonly index: Int32Array;
  /** Absolute errors `[n]` in degrees: of the difference of the angles that are told before and after. */
  readonly errors: Float64Array;
}

/**
 * Turns pictures by random angles of the full circle, and compares them with how much the head `angle` changes; errors are modulo 180
 * degrees for 0, 1 and 8 where the classes are the ten digits.
 * @param options `pictures`: so many at most, at random (default: 2000, of large ones fewer); `signal` ends the work between two batches: the call then throws its reason
 */
export async function turnErrors(
  model: TrainedModel,
  set: ImageSet,
  { pictures, signal }: { readonly pictures?: number; readonly signal?: StopSignal } = {},
): Promise<TurnErrors> {
  const { size } = set.pixels;
  const most = pictures ?? Math.min(MOST_TURNED, Math.ceil(MOST_VALUES / size));
  const random = new Random(0, "angle of test pictures");
  const index = Int32Array.from(random.permutation(set.labels.length).slice(0, most));
  const before = await gather(set, index);
  const after = new Uint8Array(before.length);
  const angles = Array.from(index, (_, i) => {
    const angle = 360 * random.uniform();
    after.set(turnPicture(before.subarray(i * size, (i + 1) * size), set, (angle * Math.PI) / 180), i * size);
    return angle;
  });
  const told = async (picture: Uint8Array) => (await model.run("angle", { picture }, { signal })).data;
  const [first, second] = [await told(before), await told(after)];
  const { classes } = model.spec;
  const errors = Float64Array.from(angles, (angle, i) =>
    Math.abs(wrapDegrees(second[i]! - first[i]! - angle, periodOf(classes, set.labels[index[i]!]!))),
  );
  return { index, errors };
}

/** The mean of `turnErrors`; none for a model that tells no angle. */
export async function angleFindings(model: TrainedModel, set: ImageSet, signal?: StopSignal): Promise<Finding[]> {
  if (!model.has("angle")) return [];
  const { errors } = await turnErrors(model, set, { signal });
  const value = errors.reduce((a, b) => a + b, 0) / errors.length;
  return [finding("angleError", value, meanInterval(errors))];
}
