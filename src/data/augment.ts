// Augmentation policies: random changes that keep the class, by name. One table holds the changes, their unit and range.
import { fail, nearest } from "../base/errors.ts";

interface Change {
  /** What the strength means, with its unit. */
  readonly doc: string;
  /** Strength where the policy names the change without one. */
  readonly default: number;
  /** Largest strength allowed; the least is 0. */
  readonly max: number;
  /** Whether the strength is a whole number. */
  readonly whole?: true;
}

/**
 * The changes that a policy can be made of. Each picture is changed by an amount drawn uniformly up to the strength (in both
 * directions where the change has two), except where the strength is a probability, a number of operations or the α of a Beta
 * distribution.
 */
export const CHANGES = {
  flip: { doc: "probability of a left-right mirror image", default: 0.5, max: 1 },
  mirror: {
    doc: "1: in place of flip, each picture is mirrored in every second epoch, from a random start (Jordan 2024)",
    ...{ default: 1, max: 1, whole: true },
  },
  shift: { doc: "shift, as a share of the side", default: 0.08, max: 0.5 },
  crop: { doc: "share of each side cut away, the rest enlarged", default: 0.15, max: 0.8 },
  rotate: { doc: "rotation, degrees", default: 10, max: 180 },
  scale: { doc: "relative change of size", default: 0.1, max: 0.8 },
  shear: { doc: "shear, degrees", default: 8, max: 45 },
  stretch: { doc: "relative change of height and of width, each on its own", default: 0.15, max: 1 },
  elastic: { doc: "smooth random displacement, as a share of the side", default: 0.04, max: 0.2 },
  brightness: { doc: "relative change of brightness", default: 0.2, max: 1 },
  contrast: { doc: "relative change of contrast", default: 0.2, max: 1 },
  saturation: { doc: "relative change of saturation", default: 0.2, max: 1 },
  hue: { doc: "turn of the colour circle, degrees", default: 10, max: 180 },
  gamma: { doc: "brightness to a power, from 1 / (1 + this) to 1 + this", default: 0.3, max: 4 },
  stroke: { doc: "probability that strokes become thicker or thinner, by up to a pixel a side", default: 0.3, max: 1 },
  blur: { doc: "standard deviation of a Gaussian blur, pixels", default: 0.7, max: 5 },
  noise: { doc: "standard deviation of added noise, as a share of the range", default: 0.04, max: 0.5 },
  erase: { doc: "probability that a random rectangle is filled with noise (Zhong et al. 2017)", default: 0.25, max: 1 },
  cutout: { doc: "side of a square of the mean colour, as a share (DeVries & Taylor 2017)", default: 0.5, max: 1 },
  operations: {
    doc: "number of operations picked from the table of RandAugment (Cubuk et al. 2020)",
    ...{ default: 2, max: 8, whole: true },
  },
  mixup: { doc: "α of Beta(α, α), the share of another picture mixed in (Zhang et al. 2018)", default: 0.2, max: 10 },
  cutmix: { doc: "α of Beta(α, α), the area replaced by another picture (Yun et al. 2019)", default: 1, max: 10 },
} as const satisfies Record<string, Change>;

/** The name of a change, such as `rotate`. */
export type ChangeName = keyof typeof CHANGES;
/** A policy: the strength of each change that is made, in the unit that `CHANGES` gives; a change that is absent is not made. */
export type Augmentation = Readonly<Partial<Record<ChangeName, number>>>;

/** Ready policies by name. */
export const AUGMENTATIONS = {
  none: {},
  gentle: { flip: 0.5, shift: 0.04 },
  light: { flip: 0.5, shift: 0.08 },
  strong: { flip: 0.5, shift: 0.08, rotate: 10, scale: 0.1 },
} as const satisfies Record<string, Augmentation>;

/** Kinds of pictures that want policies of their own. A drawing is greyscale that must not be mirrored, such as a digit. */
type Kind = "drawing" | "grey" | "colour";

/**
 * Ready policies by name and kind of picture. `weak` and `hard` are the two views of consistency training; those of colour are
 * FixMatch's (Sohn et al. 2020, section 2.3).
 */
const BY_KIND = {
  auto: { drawing: AUGMENTATIONS.strong, grey: AUGMENTATIONS.gentle, colour: AUGMENTATIONS.light },
  weak: {
    drawing: { shift: 0.07, rotate: 5, stretch: 0.05 },
    grey: { flip: 0.5, shift: 0.07 },
    colour: { flip: 0.5, shift: 0.125 },
  },
  hard: {
    drawing: {
      ...{ shift: 0.107, rotate: 20, shear: 19, stretch: 0.25, elastic: 0.04 },
      ...{ stroke: 0.3, gamma: 0.4, noise: 0.1, cutout: 0.3 },
    },
    grey: {
      ...{ flip: 0.5, shift: 0.107, rotate: 10, scale: 0.15, shear: 8 },
      ...{ brightness: 0.3, contrast: 0.3, operations: 1, erase: 0.7 },
    },
    colour: { flip: 0.5, shift: 0.125, operations: 2, cutout: 0.5 },
  },
} as const satisfies Record<string, Record<Kind, Augmentation>>;

/** The names of ready policies. */
export const AUGMENTATION_NAMES = [...Object.keys(BY_KIND), ...Object.keys(AUGMENTATIONS)];

const ALIKE: Readonly<Record<string, Augmentation>> = AUGMENTATIONS;
const APART: Readonly<Record<string, Readonly<Record<Kind, Augmentation>>>> = BY_KIND;

/** The ready policy of a name for a kind of picture, mirroring only where that is allowed; undefined for another name. */
function readyPolicy(name: string, channels: number, mirror: boolean): Augmentation | undefined {
  const kind = channels === 3 ? "colour" : mirror ? "grey" : "drawing";
  const found = Object.hasOwn(APART, name) ? APART[name]![kind] : Object.hasOwn(ALIKE, name) ? ALIKE[name] : undefined;
  if (!found || mirror) return found;
  const { flip: _, ...others } = found;
  return others;
}

/**
 * The two views of a picture that consistency training compares (FixMatch, Sohn et al. 2020): `weak`, from which a label is
 * guessed, and `hard`, which must get the same one. Both are views that a model's stream can ask for.
 * @param channels of the pictures, 1 or 3
 * @param mirror whether a mirrored picture keeps its class
 */
export function consistencyViews(channels: number, mirror: boolean): { weak: Augmentation; hard: Augmentation } {
  return { weak: readyPolicy("weak", channels, mirror)!, hard: readyPolicy("hard", channels, mirror)! };
}

/**
 * The policy that a text describes: the name of a ready policy, or a list such as `light,rotate=5,cutmix`, in which later
 * words add to or replace earlier ones and a strength of 0 takes a change away. `auto`, `weak` and `hard` go by the kind of
 * picture; `auto` is `strong` for greyscale that must not be mirrored (drawings, digits), `gentle` for other greyscale, and
 * `light` for colour. A ready policy mirrors only where `mirror` allows it; the words `flip` and `mirror` always do.
 * @param channels of the pictures, 1 or 3
 * @param mirror whether a mirrored picture keeps its class
 * @throws `E_OPTION` for an unknown word or a strength out of range
 */
export function chooseAugmentation(text: string, channels: number, mirror: boolean): Augmentation {
  const policy: Partial<Record<ChangeName, number>> = {};
  for (const word of text.split(",").map((part) => part.trim())) {
    const ready = readyPolicy(word, channels, mirror);
    if (ready) {
      Object.assign(policy, ready);
      continue;
    }
    const [key, given, ...rest] = word.split("=") as [string, string | undefined, ...string[]];
    const known = [...Object.keys(CHANGES), ...AUGMENTATION_NAMES];
    if (!Object.hasOwn(CHANGES, key) || rest.length > 0) {
      const guess = nearest(key, known);
      fail(
        "E_OPTION",
        `--augment: unknown word "${word}"${guess ? `; did you mean "${guess}"?` : "."} Known: ${known.join(", ")}; as in light,rotate=5,cutmix`,
      );
    }
    const { default: usual, max, doc, whole }: Change = CHANGES[key as ChangeName];
    const strength = given === undefined ? usual : Number(given);
    if (given?.trim() === "" || !(strength >= 0 && strength <= max) || (whole && !Number.isInteger(strength)))
      fail("E_OPTION", `--augment ${word}: expected ${key}=${whole ? "WHOLE NUMBER" : "NUMBER"} in 0..${max} (${doc})`);
    if (strength > 0) policy[key as ChangeName] = strength;
    else delete policy[key as ChangeName];
  }
  return policy;
}

/** Whether a policy mixes each picture with another one of the batch (mixup or cutmix), and so their labels too. */
export const mixes = ({ mixup, cutmix }: Augmentation): boolean => Boolean(mixup || cutmix);

/** Whether a policy changes pictures one by one, that is in any way other than mixing them. */
export const changesPictures = ({ mixup: _, cutmix: __, ...rest }: Augmentation): boolean =>
  Object.keys(rest).length > 0;
