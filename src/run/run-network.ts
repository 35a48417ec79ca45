// The network that --backbone names: of a file, or of a trained run: the head that gives its codes, as the file that exporting it makes.
import { fail } from "../base/errors.ts";
import { VERSION } from "../base/version.ts";
import { isResize } from "../data/picture.ts";
import { modelNamed } from "../models/index.ts";
import { readNetworkFile, sha256Of } from "../onnx/import/folder.ts";
import { Network } from "../onnx/import/network.ts";
import { headFile } from "../predict/export.ts";
import { TrainedModel } from "../predict/trained.ts";
import { onnxruntimeBackend } from "../runtime/onnxruntime.ts";
import type { NamedNetwork } from "./backbone.ts";
import { type RunConfig, RunFolder } from "./folder.ts";
import { backbonePlace, isRun, partsOf } from "./named-backbones.ts";

/** What a run is built on by when no head is named: its latent vectors, else what it takes the classes from. */
const USUAL_HEADS = ["encode", "features"];

/**
 * Reads the network of `FILE.onnx`, `NAME` or `RUN`, with `@NODE` or `@HEAD` where it is said what to build on.
 * @throws `E_NAME` for one that is not on this machine, `E_FILE`, `E_ONNX`; as `runNetwork`
 */
export function networkNamed(backbone: string): NamedNetwork {
  const [place, cut] = partsOf(backbone);
  if (isRun(place)) return runNetwork(place, cut);
  const { path, sha256 } = backbonePlace(place);
  const file = readNetworkFile(path, sha256);
  // What export writes tells how its pictures were read.
  const resize = file.network.metadata.get("resize");
  return { ...file, place: path, cut, ...(isResize(resize) ? { resize } : {}) };
}

/**
 * The network of a run's best checkpoint, up to a head.
 * @param wanted a head that takes a picture alone and gives latent vectors or features; default: `encode`, else `features`
 * @throws `E_HEAD` for a run without such a head; `E_RUN_NOT_FOUND`, `E_RUN_VERSION`, `E_DATA_FORMAT` for one that cannot be read;
 * `E_ONNX` for a head with an op that cannot be taken
 */
function runNetwork(path: string, wanted?: string): NamedNetwork {
  const run = RunFolder.open(path);
  const { seed, data } = run.config;
  const { backend } = onnxruntimeBackend(); // A model has one; nothing is computed here.
  const model = new TrainedModel(run.modelConfig(modelNamed(run.config.model)), run.weights(), backend);
  const fit = Object.entries(model.heads).flatMap(([name, { takes, gives }]) =>
    takes.join() === "picture" && ["latent", "features"].includes(gives) ? [name] : [],
  );
  const name = wanted ?? USUAL_HEADS.find((usual) => fit.includes(usual));
  if (name === undefined || !fit.includes(name))
    fail(
      "E_HEAD",
      `--backbone ${path}: ${run.config.model} has no head ${wanted ?? USUAL_HEADS.join(" or ")} that gives codes of a picture alone; ${fit.length === 0 ? "build on another run" : `it has, as in ${path}@${fit[0]}: ${fit.join(", ")}`}`,
    );
  const { bytes, graph } = headFile(model, VERSION, name);
  if (graph.noises.size > 0)
    fail(
      "E_HEAD",
      `--backbone ${path}: its head ${name} draws noise, and gives no codes of a picture alone; build on another`,
    );
  return {
    ...{ place: path, network: Network.read(bytes), bytes, sha256: sha256Of(bytes), resize: data.resize },
    trainedOn: { data: data.name, seed, validation: data.validation },
  };
}

/** What people should know of a run on another's codes: that one may have learnt from the validation pictures of this one. */
export function splitNotes({ trainedOn, place }: NamedNetwork, { seed, data }: RunConfig): string[] {
  const isSame = trainedOn === undefined || trainedOn.data !== data.name || data.validation === 0;
  if (isSame || (trainedOn.seed === seed && trainedOn.validation === data.validation)) return [];
  return [
    `${place} was trained with --seed ${trainedOn.seed} --validation ${trainedOn.validation}, this run with ${seed} and ${data.validation}: it has seen validation pictures of this one, on which the codes look better than they are. The test part was seen by neither`,
  ];
}
