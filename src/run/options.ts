// The options of a run, in one table. The command line's options, the fields of config.json, the types of library calls
// and what a resumed run may change all follow from it.
import { AUGMENTATION_NAMES } from "../data/augment.ts";
import { LARGEST_SEED } from "../data/open-options.ts";
import type { Sampling } from "../data/order.ts";
import { PAIR_CHANGES, type PairChange, pairChange } from "../data/pairs.ts";
import { RESIZES, type Resize } from "../data/picture.ts";
import { NORMALISATIONS } from "../models/backbone.ts";
import { USUAL_BATCH } from "../models/model.ts";
import { PRECISIONS } from "../runtime/wish.ts";
import {
  addedPictures,
  choice,
  classWeighting,
  imageSize,
  integer,
  labelAmount,
  list,
  number,
  type OptionType,
  pairing,
  path,
  renames,
  share,
  target,
  text,
  tracking,
} from "./option-types.ts";

/** One option of a run. `null` stands for an option that is not set. */
export interface RunOption<T = unknown> {
  /** As on the command line: `--class-weights <how>` for the option `classWeights`. */
  readonly flag: `--${string}`;
  readonly type: OptionType<T>;
  readonly default: T | null;
  readonly help: string;
  /**
   * When a run goes on, a `fixed` option cannot get another value; one that `may change` gets it and keeps it; one that
   * `warns` does so too, but the weights will then differ from those of a run that never stopped.
   */
  readonly resume: "fixed" | "may change" | "warns";
  /** Where config.json has it: with the `run` itself, or with the `data`, which is opened with it. */
  readonly stored: "run" | "data";
  /** An option that takes the place of this one: giving one unsets the other. */
  readonly excludes?: string;
  /** Options of which it needs one, without which it means nothing. */
  readonly needs?: readonly string[];
  /** Whether it says where the run is told of and not what it is: the command that repeats a run goes without it. */
  readonly isTelling?: true;
}

/** The options of a run, in the order in which help shows them. */
export const RUN_OPTIONS = {
  labels: {
    flag: "--labels <n>",
    type: labelAmount,
    default: null,
    help: "labels to keep: 10 of each class, 5% of each class, or total=100 in all; the other pictures count as unlabelled",
    resume: "fixed",
    stored: "data",
  },
  unlabelled: {
    flag: "--unlabelled <folder>",
    type: path("a folder"),
    default: null,
    help: "a folder of more training pictures, without labels",
    resume: "fixed",
    stored: "data",
  },
  add: {
    flag: "--add <path[:share]>",
    type: addedPictures,
    default: null,
    help: "more training pictures with labels, as genclass augment makes them: a folder of class folders, or another source of the same classes. They take a share of each batch (0.5, or as in more/:0.25) but of the last 30 % of the steps, and no part in validation",
    resume: "fixed",
    stored: "data",
  },
  image: {
    flag: "--image <HxW>",
    type: imageSize,
    default: null,
    help: "height and width at which pictures are read, in pixels",
    resume: "fixed",
    stored: "data",
  },
  resize: {
    flag: "--resize <how>",
    type: choice(Object.keys(RESIZES) as Resize[]),
    default: "fit",
    help: `how a picture of another shape becomes that size. ${Object.entries(RESIZES)
      .map(([name, doc]) => `${name}: ${doc}`)
      .join("; ")}`,
    resume: "fixed",
    stored: "data",
  },
  pairs: {
    flag: "--pairs <how>",
    type: pairing,
    default: null,
    help: `for models that learn to translate pictures: what they are given is made of each picture, anew at each visit, and the picture is what they shall give. ${Object.keys(
      PAIR_CHANGES,
    )
      .map((name) => {
        const { doc, amount } = pairChange(name as PairChange);
        return `${name}${amount ? ` (${amount.default})` : ""}: ${doc}`;
      })
      .join("; ")}`,
    resume: "fixed",
    stored: "data",
  },
  validation: {
    flag: "--validation <share>",
    type: share(0, 0.9),
    default: 0.1,
    help: "share of the training part that is held out for validation, where the data has no validation part",
    resume: "fixed",
    stored: "data",
  },
  seed: {
    flag: "--seed <n>",
    type: integer(0, LARGEST_SEED),
    default: 0,
    help: "seed of the first weights, the order of pictures, the noise and the splits",
    resume: "fixed",
    stored: "run",
  },
  batch: {
    flag: "--batch <n>",
    type: integer(1, 65536),
    default: USUAL_BATCH,
    help: "pictures in a training step, where the model asks for no other number; at most as many as the training part has",
    resume: "fixed",
    stored: "run",
  },
  augment: {
    flag: "--augment <policy>",
    type: text("a policy"),
    default: "auto",
    help: `random changes of training pictures: ${AUGMENTATION_NAMES.join(", ")}, or a list as in light,rotate=5,cutmix; "genclass data augment-preview" shows them`,
    resume: "fixed",
    stored: "run",
  },
  sampling: {
    flag: "--sampling <how>",
    type: choice<Sampling>(["shuffled", "balanced"]),
    default: "shuffled",
    help: "shuffled: an epoch has every picture once; balanced: it has equally many of each class",
    resume: "fixed",
    stored: "run",
  },
  classWeights: {
    flag: "--class-weights <how>",
    type: classWeighting,
    default: "none",
    help: "weights of the classes in the classification loss: none, balanced, sqrt, or as in cat=2,dog=0.5",
    resume: "fixed",
    stored: "run",
  },
  epochs: {
    flag: "--epochs <n>",
    type: integer(1),
    default: 20,
    help: "how many times training goes through the training part",
    resume: "may change",
    stored: "run",
    excludes: "minutes",
  },
  minutes: {
    flag: "--minutes <m>",
    type: number(0.01),
    default: null,
    help: "how many minutes to train, instead of a number of epochs",
    resume: "may change",
    stored: "run",
    excludes: "epochs",
  },
  until: {
    flag: "--until <metric=value>",
    type: target,
    default: null,
    help: "stop as soon as a validation metric reaches a value, as in accuracy=0.99",
    resume: "may change",
    stored: "run",
  },
  patience: {
    flag: "--patience <n>",
    type: integer(0),
    default: 0,
    help: "stop after n epochs without a better validation score; 0: never",
    resume: "may change",
    stored: "run",
  },
  restarts: {
    flag: "--restarts <n>",
    type: integer(0, 20),
    default: 0,
    help: "how often a run whose numbers stop being finite goes on from its last checkpoint, each time with half the learning rates",
    resume: "may change",
    stored: "run",
  },
  emaDecay: {
    flag: "--ema-decay <d>",
    type: number(0, 1),
    default: 0.999,
    help: "decay of the exponential moving average of the weights in a step; the averaged weights are the trained model",
    resume: "fixed",
    stored: "run",
  },
  from: {
    flag: "--from <run>",
    type: path("a run folder"),
    default: null,
    help: "begin with the weights of a trained run (fine-tuning)",
    resume: "fixed",
    stored: "run",
  },
  backbone: {
    flag: "--backbone <file|run[@node]>",
    type: text("an .onnx file, a run folder or a name, as in features.onnx or features.onnx@NODE"),
    default: null,
    help: "build on a pretrained network: an .onnx file, NAME for GENCLASS_DATA/backbones/NAME.onnx, or a name of genclass models --backbones, which is fetched; cut at its last feature map or at @NODE. Or on the codes of a trained run, of its head encode (else features) or @HEAD. Pictures are read at its size, unless --image says another",
    resume: "fixed",
    stored: "run",
  },
  normalise: {
    flag: "--normalise <how>",
    type: choice(NORMALISATIONS),
    default: "auto",
    help: "what the network of --backbone takes: pixels of 0..1 (none), of -1..1 (centred), by the means and deviations of ImageNet (imagenet), or auto: none where the file normalises itself, else imagenet",
    resume: "fixed",
    stored: "run",
    needs: ["backbone"],
  },
  freeze: {
    flag: "--freeze <prefix...>",
    type: list("path prefixes, or all, none or a number of stages of the --backbone network"),
    default: null,
    help: "parameters whose paths begin with the prefix stay as the --from run has them; of the network of --backbone stay all (the default), none, or its first N stages, each of which halves the picture; may be repeated",
    resume: "fixed",
    stored: "run",
    needs: ["from", "backbone"],
  },
  map: {
    flag: "--map <old=new>",
    type: renames,
    default: null,
    help: "a path prefix of the --from run, and the path prefix in this model that takes its weights; may be repeated",
    resume: "fixed",
    stored: "run",
    needs: ["from"],
  },
  threads: {
    flag: "--threads <n>",
    type: integer(0, 1024),
    default: 0,
    help: "threads that compute; 0: one for each core",
    // What computes in the end is compared, not this wish.
    resume: "may change",
    stored: "run",
  },
  precision: {
    flag: "--precision <type>",
    type: choice(PRECISIONS),
    default: "float32",
    help: "number type of products: float32, or bf16 where the processor has it and oneDNN computes",
    resume: "warns",
    stored: "run",
  },
  track: {
    flag: "--track <tracker>",
    type: tracking,
    default: null,
    isTelling: true,
    help: "tell a tracking server how the run goes: mlflow, at MLFLOW_TRACKING_URI or http://127.0.0.1:5000, or mlflow=URI. What it does not get while it is away it gets later",
    resume: "may change",
    stored: "run",
  },
} as const satisfies Record<string, RunOption>;

type Table = typeof RUN_OPTIONS;
/** The name of an option. */
export type OptionName = keyof Table;
type Value<K extends OptionName> = Table[K]["type"] extends OptionType<infer T> ? T : never;
type Unset<K extends OptionName> = Table[K] extends { default: null } | { excludes: string } ? null : never;

/** Options as a call gives them; an option left out has its default. */
export type RunOptions = { readonly [K in OptionName]?: Value<K> };

/** Every option of a run, as config.json has them. */
export type StoredOptions = { readonly [K in OptionName]: Value<K> | Unset<K> };

/** The table with its names, in order. */
export const RUN_OPTION_LIST: readonly (readonly [name: string, option: RunOption])[] =
  Object.entries<RunOption>(RUN_OPTIONS);
