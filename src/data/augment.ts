// Augmentation policies: random changes that keep the class, by name. One table holds the changes, their unit and range.
import { fail, nearest } from "../base/errors.ts";

interface Change {
  /** What the strength means, with its unit. */
  readonly doc: string;
  /** Strength where the policy names the change without one. */
  readonly default: number;
  /** Largest strength allowed; the least is 0. */
  readonly max: number;
}

/**
 * The changes that a policy can be made of. Each picture is changed by an amount drawn uniformly up to the strength (in both
 * directions where the change has two), except where the strength is a probability or the α of a Beta distribution.
 */
export const CHANGES = {
  flip: { doc: "probability of a left-right mirror image", default: 0.5, max: 1 },
  shift: { doc: "shift, as a share of the side", default: 0.08, max: 0.5 },
  crop: { doc: "share of each side cut away, the rest enlarged", default: 0.15, max: 0.8 },
  rotate: { doc: "rotation, degrees", default: 10, max: 180 },
  scale: { doc: "relative change of size", default: 0.1, max: 0.8 },
  shear: { doc: "shear, degrees", default: 8, max: 45 },
  elastic: { doc: "smooth random displacement, as a share of the side", default: 0.04, max: 0.2 },
  brightness: { doc: "relative change of brightness", default: 0.2, max: 1 },
  contrast: { doc: "relative change of contrast", default: 0.2, max: 1 },
  saturation: { doc: "relative change of saturation", default: 0.2, max: 1 },
  hue: { doc: "turn of the colour circle, degrees", default: 10, max: 180 },
  blur: { doc: "standard deviation of a Gaussian blur, pixels", default: 0.7, max: 5 },
  noise: { doc: "standard deviation of added noise, as a share of the range", default: 0.04, max: 0.5 },
  erase: { doc: "probability that a random rectangle is filled with noise (Zhong et al. 2017)", default: 0.25, max: 1 },
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

const PRESETS: Readonly<Record<string, Augmentation>> = AUGMENTATIONS;

/**
 * The policy that a text describes: `auto`, the name of a policy, or a list such as `light,rotate=5,cutmix`, in which later
 * words add to or replace earlier ones and a strength of 0 takes a change away. `auto` is `strong` for greyscale that must
 * not be mirrored (drawings, digits), `gentle` for other greyscale, and `light` for colour. A ready policy mirrors only
 * where `mirror` allows it; the word `flip` always does.
 * @param channels of the pictures, 1 or 3
 * @param mirror whether a mirrored picture keeps its class
 * @throws `E_OPTION` for an unknown word or a strength out of range
 */
export function chooseAugmentation(text: string, channels: number, mirror: boolean): Augmentation {
  const policy: Partial<Record<ChangeName, number>> = {};
  for (const word of text.split(",").map((part) => part.trim())) {
    const name = word === "auto" ? (channels === 3 ? "light" : mirror ? "gentle" : "strong") : word;
    if (Object.hasOwn(PRESETS, name)) {
      const { flip, ...others } = PRESETS[name]!;
      Object.assign(policy, others, mirror && flip !== undefined ? { flip } : {});
      continue;
    }
    const [key, given, ...rest] = word.split("=") as [string, string | undefined, ...string[]];
    const known = [...Object.keys(CHANGES), ...Object.keys(PRESETS), "auto"];
    if (!Object.hasOwn(CHANGES, key) || rest.length > 0) {
      const guess = nearest(key, known);
      fail(
        "E_OPTION",
        `--augment: unknown word "${word}"${guess ? `; did you mean "${guess}"?` : "."} Known: ${known.join(", ")}; as in light,rotate=5,cutmix`,
      );
    }
    const { default: usual, max, doc } = CHANGES[key as ChangeName];
    const strength = given === undefined ? usual : Number(given);
    if (given?.trim() === "" || !(strength >= 0 && strength <= max))
      fail("E_OPTION", `--augment ${word}: expected ${key}=NUMBER in 0..${max} (${doc})`);
    if (strength > 0) policy[key as ChangeName] = strength;
    else delete policy[key as ChangeName];
  }
  return policy;
}

/** Whether a policy mixes each picture with another one of the batch (mixup or cutmix), and so their labels too. */
export const mixes = ({ mixup, cutmix }: Augmentation): boolean => mixup !== undefined || cutmix !== undefined;

/** Whether a policy changes pictures one by one, that is in any way other than mixing them. */
export const changesPictures = ({ mixup: _, cutmix: __, ...rest }: Augmentation): boolean =>
  Object.keys(rest).length > 0;
