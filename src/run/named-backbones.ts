// Pretrained networks that have names here: what their publisher says of the files, and where a name's file is.
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../base/errors.ts";
import { cacheFolder } from "../data/cache.ts";
import { type DownloadProgress, fetchPublished } from "../data/download.ts";
import type { NORMALISATIONS } from "../models/backbone.ts";

/** A network that can be fetched by name. */
export interface NamedBackbone {
  readonly name: string;
  readonly title: string;
  /** The publisher's file name, length and SHA-256. */
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly licence: string;
  /** Pixels a side of the pictures that it was trained on. */
  readonly side: number;
  /** What its first layer takes. */
  readonly normalise: Exclude<(typeof NORMALISATIONS)[number], "auto">;
  /** Numbers that are its features. */
  readonly width: number;
  /** Official addresses, tried in turn. */
  readonly urls: readonly string[];
}

/** The model zoo of ONNX: its repository, as of the commit in which its files last moved, and the place that its files moved on to. */
const zoo = (folder: string, file: string) => [
  `https://media.githubusercontent.com/media/onnx/models/4c46cd00fbdb7cd30b6c1c17ab54f2e1f4f7b177/validated/vision/classification/${folder}/model/${file}.onnx`,
  `https://huggingface.co/onnxmodelzoo/${file}/resolve/main/${file}.onnx`,
];

const zooFile = (folder: string, file: string) => ({ file: `${file}.onnx`, urls: zoo(folder, file) });
const imagenet = { side: 224, normalise: "imagenet" } as const;

/**
 * The networks, the smallest first. Lengths and hashes are those of the zoo's `ONNX_HUB_MANIFEST.json`, of which its Git LFS
 * pointers say the same; licences are those of its pages. All were trained on ImageNet (ILSVRC 2012).
 */
export const NAMED_BACKBONES: readonly NamedBackbone[] = [
  {
    ...imagenet,
    ...zooFile("squeezenet", "squeezenet1.1-7"),
    name: "squeezenet",
    title: "SqueezeNet 1.1 (Iandola et al. 2016)",
    bytes: 4956208,
    sha256: "1eeff551a67ae8d565ca33b572fc4b66e3ef357b0eb2863bb9ff47a918cc4088",
    licence: "Apache-2.0",
    width: 512,
  },
  {
    ...imagenet,
    ...zooFile("shufflenet", "shufflenet-v2-12"),
    name: "shufflenet",
    title: "ShuffleNet V2 (Ma et al. 2018)",
    bytes: 9218556,
    sha256: "ea69821b4dd374ae2f33f9710dd1229ac263d0ee5b5a46ca3521f6483e1ba035",
    licence: "BSD-3-Clause",
    width: 1024,
  },
  {
    ...imagenet,
    ...zooFile("mobilenet", "mobilenetv2-12"),
    name: "mobilenet",
    title: "MobileNetV2 (Sandler et al. 2018)",
    bytes: 13964571,
    sha256: "c0c3f76d93fa3fd6580652a45618618a220fced18babf65774ed169de0432ad5",
    licence: "Apache-2.0",
    width: 1280,
  },
  {
    ...imagenet,
    ...zooFile("resnet", "resnet18-v1-7"),
    name: "resnet18",
    title: "ResNet-18 (He et al. 2016)",
    bytes: 46820737,
    sha256: "4e8f8653e7a2222b3904cc3fe8e304cd8b339ce1d05fd24688162f86fb6df52c",
    licence: "Apache-2.0",
    width: 512,
  },
];

/** The folder of the cache and of a mirror that has the files. */
const SHELF = "backbones";

/** The network of these bytes, if it is one of the named ones. */
export const namedBackboneOf = (sha256: string): NamedBackbone | undefined =>
  NAMED_BACKBONES.find((network) => network.sha256 === sha256);

/** Whether a path is that of a file: a folder of the name of a network is none. */
const isFile = (path: string): boolean => existsSync(path) && statSync(path).isFile();

/** Whether a path is that of a run, which is a network too (run-network.ts). Other tools' folders of a network have no checkpoints/. */
export const isRun = (path: string): boolean =>
  path !== "" && existsSync(join(path, "config.json")) && existsSync(join(path, "checkpoints"));

/** Whether a text names a network by itself, without a node or head. */
function isPlace(text: string): boolean {
  const own = onShelf(text);
  return (
    isFile(text) ||
    isRun(text) ||
    (own !== undefined && isFile(own)) ||
    NAMED_BACKBONES.some(({ name }) => name === text)
  );
}

/**
 * Of `FILE.onnx@NODE` or `RUN@HEAD`: the file, name or run, and the node or head. Names of folders and nodes may have an `@` too: the
 * longest text before one that names a network is the place, and where none does, what is before the first.
 */
export function partsOf(text: string): [place: string, node: string | undefined] {
  if (isFile(text) || isRun(text)) return [text, undefined];
  for (let at = text.lastIndexOf("@"); at > 0; at = text.lastIndexOf("@", at - 1)) {
    const [place, node] = [text.slice(0, at), text.slice(at + 1)];
    if (node !== "" && isPlace(place)) return [place, node];
  }
  const [, place = text, node] = /^(.+?)@(.+)$/.exec(text) ?? [];
  return [place, node];
}

/** A file of a network, with the SHA-256 that its bytes must have: those of the cache may be damaged. */
interface BackbonePlace {
  readonly path: string;
  readonly sha256?: string;
}

/** Where a network of a name is kept, with or without its ending; undefined where there is no such place. */
function onShelf(name: string): string | undefined {
  const root = process.env.GENCLASS_DATA;
  return root ? join(root, SHELF, name.endsWith(".onnx") ? name : `${name}.onnx`) : undefined;
}

/** Where a network is on this machine: a path, one of `GENCLASS_DATA/backbones` by name, or a named one in the cache. */
function placeOf(place: string): BackbonePlace | undefined {
  if (isFile(place)) return { path: place };
  const own = onShelf(place);
  if (own && isFile(own)) return { path: own };
  const named = NAMED_BACKBONES.find(({ name }) => name === place);
  const kept = named && join(cacheFolder(SHELF), named.file);
  // One of another length is fetched again.
  return kept && isFile(kept) && statSync(kept).size === named.bytes ? { path: kept, sha256: named.sha256 } : undefined;
}

/** Where a network is on this machine. @throws `E_NAME` with what can be given */
export function backbonePlace(place: string): BackbonePlace {
  const found = placeOf(place);
  if (found) return found;
  const own = onShelf(place);
  fail(
    "E_NAME",
    `--backbone ${place}: no such file${own ? `, and ${own} is not there either` : ""}; give the path of an .onnx file or of a run folder, or one of ${NAMED_BACKBONES.map(({ name }) => name).join(", ")}`,
  );
}

/**
 * Fetches the network that `--backbone` names to the cache, unless it is on this machine; does nothing for what has no such name.
 * @throws `E_DATA_NOT_FOUND` when no server gives the file with the published checksum
 */
export async function fetchBackbone(backbone: string | null | undefined, progress?: DownloadProgress): Promise<void> {
  if (!backbone) return;
  const [place] = partsOf(backbone);
  const named = NAMED_BACKBONES.find(({ name }) => name === place);
  if (!named || isRun(place) || placeOf(place)) return;
  const { name, file, bytes, sha256, urls } = named;
  const published = { file, bytes, urls, checksum: { algorithm: "sha256", digits: sha256 } } as const;
  const failures = await fetchPublished(published, join(cacheFolder(SHELF), file), SHELF, progress);
  if (failures.length === 0) return;
  const shelf = onShelf(name) ?? `${SHELF}/${name}.onnx in a folder, and set GENCLASS_DATA to that folder`;
  fail(
    "E_DATA_NOT_FOUND",
    `${name}: ${file} could not be fetched (${failures.join("; ")}). Call again to go on, or, without a network, put the file (${bytes} bytes, SHA-256 ${sha256}) at ${shelf}`,
  );
}
