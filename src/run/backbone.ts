// The network that --backbone names: found, cut, and kept in the run's folder.
import { fail, GenclassError } from "../base/errors.ts";
import { constant } from "../graph/tensor.ts";
import { type Backbone, normalisationNamed } from "../models/backbone.ts";
import { MODELS } from "../models/index.ts";
import type { Model } from "../models/model.ts";
import { findCut, findScales, normalisesInside } from "../onnx/import/cut.ts";
import { type NetworkFile, readNetworkFile } from "../onnx/import/folder.ts";
import { backbonePlace, namedBackboneOf, partsOf } from "./named-backbones.ts";
import type { StoredOptions } from "./options.ts";

/** Pixels a side where a network takes any size. */
const USUAL_SIDE = 224;

/** A backbone with the file that it was read from. */
export interface OpenBackbone {
  readonly backbone: Backbone;
  readonly file: NetworkFile;
}

type Wish = Pick<StoredOptions, "backbone" | "normalise" | "freeze" | "image">;

/** Words of --freeze that are about the network, and prefixes of paths. */
export function freezeWords(freeze: StoredOptions["freeze"]): { stages: string | undefined; prefixes: string[] } {
  const isStage = (word: string) => /^(all|none|\d+)$/.test(word);
  const words = freeze ?? [];
  return { stages: words.filter(isStage).at(-1), prefixes: words.filter((word) => !isStage(word)) };
}

/**
 * The network that a run is to build on.
 * @param path of the file, where it is not the one that the options name: the run's own copy
 * @throws `E_NAME`, `E_FILE`, `E_ONNX`; `E_OPTION` for a model that builds on none
 */
export function openBackbone(model: Model, wish: Wish, path?: string): OpenBackbone | undefined {
  if (wish.backbone === null) return undefined;
  if (!model.buildsOnBackbone) {
    const others = MODELS.filter(({ buildsOnBackbone }) => buildsOnBackbone).map(({ name }) => name);
    fail("E_OPTION", `${model.name} is not built on a --backbone; these are: ${others.join(", ")}`);
  }
  const [place, node] = partsOf(wish.backbone);
  const { path: found, sha256 = undefined } = path === undefined ? backbonePlace(place) : { path };
  try {
    const file = readNetworkFile(found, sha256);
    const { network } = file;
    if (network.hasFilesBeside)
      fail("E_ONNX", "it has weights in other files; save it as one file, so that the run can keep it");
    const { height, width, channels } = network.input;
    const size = [height ?? wish.image?.height ?? USUAL_SIDE, width ?? wish.image?.width ?? USUAL_SIDE] as const;
    const asIs = { parameter: (_: string, value: Parameters<typeof constant>[0]) => constant(value) };
    const weights = { ...asIs, statistic: asIs.parameter };
    const cut = node === undefined ? findCut(network, size, weights) : network.valueNamed(node);
    const how = wish.normalise === "auto" ? usualNormalisation(file) : wish.normalise;
    const { stages = "all" } = freezeWords(wish.freeze);
    const frozen = stages === "all" ? stages : stages === "none" ? -1 : Number(stages);
    const normalisation = normalisationNamed(how, channels);
    const scales = model.buildsOnBackbone === "scales" ? findScales(network, size, weights, cut) : undefined;
    return { backbone: { network, cut, scales, normalisation, frozen }, file };
  } catch (cause) {
    if (cause instanceof GenclassError && cause.code === "E_ONNX" && !cause.message.startsWith(found))
      fail("E_ONNX", `${found}: ${cause.message}`, cause);
    throw cause;
  }
}

/** What a network takes where nothing is said: as its publisher says, or nothing where it normalises itself. */
const usualNormalisation = ({ network, sha256 }: NetworkFile) =>
  namedBackboneOf(sha256)?.normalise ?? (normalisesInside(network) ? "none" : "imagenet");

/** Options of a run on a network, where they are not given: pictures of its size, whose longer sides are cut. */
export function optionsFor(
  { backbone }: OpenBackbone,
  options: StoredOptions,
  given: Partial<Wish & { resize: unknown }>,
) {
  const { height, width } = backbone.network.input;
  const image = options.image ?? { height: height ?? USUAL_SIDE, width: width ?? USUAL_SIDE };
  if ((height ?? image.height) !== image.height || (width ?? image.width) !== image.width)
    fail(
      "E_OPTION",
      `the network takes pictures of ${height}x${width}; --image asks for ${image.height}x${image.width}`,
    );
  return { ...options, image, resize: given.resize === undefined ? ("fill" as const) : options.resize };
}

/** Pictures in a step that trains such a network: at 224x224, EfficientNet-Lite0 takes 6.4 GB for 128, more than oneDNN's build reaches. */
const MOST_TRAINED = 32;

/** Pictures in a step where none are asked for. @param usual those of the model and the options */
export const batchOn = (opened: OpenBackbone | undefined, usual: number): number =>
  !opened || opened.backbone.frozen === "all" ? usual : Math.min(usual, MOST_TRAINED);

/** The run's copy of the network, by its name in the run folder. */
export const BACKBONE_FILE = "backbone.onnx";
