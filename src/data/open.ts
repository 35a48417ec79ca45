// Opens a data source: a built-in name, a folder of IDX files, or a folder of class folders.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { fail, nearest } from "../base/errors.ts";
import { type Dataset, type ImageSet, withLabels, withValidation } from "./dataset.ts";
import { isClassFolder, readFolder } from "./readers/folder.ts";
import { parseIdx } from "./readers/idx.ts";
import { glyphs } from "./sets/glyphs.ts";

export interface OpenOptions {
  /** Keep this many labels a class; the rest is treated as unlabelled. */
  labels?: number;
  /** Size pictures are read at. */
  image?: { height: number; width: number };
  /** Share of the training part held out when the data has no validation part. Default 0.1. */
  validation?: number;
  /** Seed of the splits. Default 0. */
  seed?: number;
}

const DIGITS = Array.from({ length: 10 }, (_, digit) => String(digit));

/** The built-in IDX sets: class names, whether a mirrored picture keeps its class, SHA-256 of the official files. */
const IDX_SETS: Record<string, { classes: string[]; mirror: boolean; sha256: Record<string, string> }> = {
  mnist: {
    classes: DIGITS,
    mirror: false,
    sha256: {
      "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
      "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
      "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
      "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    },
  },
  "fashion-mnist": {
    classes: ["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"],
    mirror: true,
    sha256: {
      "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
      "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
      "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
      "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    },
  },
};

export const BUILT_IN = ["glyphs", "glyphs-colour", ...Object.keys(IDX_SETS)];

/**
 * Reads a data source whole.
 * @param source a built-in name, or a folder of class folders or of IDX files
 * @throws `E_DATA_NOT_FOUND`, `E_DATA_FORMAT`, `E_DATA_EMPTY`, `E_DATA_LABEL`, `E_IMAGE`
 */
export async function open(source: string, options: OpenOptions = {}): Promise<Dataset> {
  const { labels, image, validation = 0.1, seed = 0 } = options;
  const data = withValidation(await read(source, image), validation, seed);
  if (image && (data.train.height !== image.height || data.train.width !== image.width))
    fail(
      "E_OPTION",
      `--image ${image.height}x${image.width}: ${source} has pictures of ${data.train.height}x${data.train.width}; leave --image out`,
    );
  return labels === undefined ? data : withLabels(data, labels, seed);
}

async function read(source: string, image: OpenOptions["image"]): Promise<Dataset> {
  if (source === "glyphs") return glyphs();
  if (source === "glyphs-colour") return glyphs({ colour: true });
  const known = IDX_SETS[source];
  if (known && !existsSync(source)) return readIdx(source, builtInFolder(source), known);
  if (!existsSync(source)) {
    const guess = nearest(source, BUILT_IN);
    fail(
      "E_DATA_NOT_FOUND",
      `no data at "${source}"${guess ? `; did you mean ${guess}?` : ""} Expected a folder, or one of: ${BUILT_IN.join(", ")}`,
    );
  }
  if (!statSync(source).isDirectory())
    fail("E_DATA_FORMAT", `${source} is a file; expected a folder of class folders or of IDX files`);
  if (readdirSync(source).some((file) => /idx[13]-ubyte/.test(file)))
    return readIdx(source, source, IDX_SETS[basename(source)]);
  if (isClassFolder(source)) return readFolder(source, image);
  fail(
    "E_DATA_FORMAT",
    `${source}: no class folders and no IDX files in it; expected one folder a class with pictures inside`,
  );
}

function builtInFolder(name: string): string {
  const root = process.env.GENCLASS_DATA;
  const folder = root && join(root, name);
  if (folder && existsSync(folder)) return folder;
  const where = root ? `GENCLASS_DATA=${root} has no folder "${name}"` : "GENCLASS_DATA is not set";
  fail(
    "E_DATA_NOT_FOUND",
    `${name}: ${where}. Put the four ${name} IDX files (.gz) into a folder named ${name} and set GENCLASS_DATA to the folder above it; "glyphs" needs no files`,
  );
}

function readIdx(name: string, folder: string, known?: (typeof IDX_SETS)[string]): Dataset {
  const find = (part: string, kind: string): string | undefined =>
    readdirSync(folder)
      .sort()
      .find((file) => file.startsWith(part) && file.includes(kind));
  const load = (part: string, kind: string): Uint8Array | undefined => {
    const file = find(part, kind);
    if (!file) return undefined;
    const bytes = readFileSync(join(folder, file));
    const expected = known?.sha256[file];
    if (expected && createHash("sha256").update(bytes).digest("hex") !== expected)
      fail(
        "E_DATA_FORMAT",
        `${join(folder, file)}: its checksum is not the official one: damaged or another version; fetch it again`,
      );
    return bytes;
  };
  const set = (part: string): ImageSet | undefined => {
    const [images, labels] = [load(part, "idx3"), load(part, "idx1")];
    if (!images || !labels) return undefined;
    const [pixels, codes] = [
      parseIdx(images, `${part} images in ${folder}`),
      parseIdx(labels, `${part} labels in ${folder}`),
    ];
    const [n, height, width] = pixels.sizes;
    if (pixels.sizes.length !== 3 || codes.sizes.length !== 1 || n !== codes.sizes[0])
      fail(
        "E_DATA_FORMAT",
        `${folder}: ${part} has images [${pixels.sizes}] and labels [${codes.sizes}]; expected one label an image`,
      );
    return { height: height!, width: width!, channels: 1, pixels: pixels.data, labels: Int32Array.from(codes.data) };
  };
  const train = set("train");
  if (!train)
    fail(
      "E_DATA_NOT_FOUND",
      `${folder}: expected train-images-idx3-ubyte(.gz) and train-labels-idx1-ubyte(.gz), got ${readdirSync(folder).join(", ")}`,
    );
  const test = set("t10k") ?? set("test");
  const classes =
    known?.classes ?? Array.from({ length: 1 + train.labels.reduce((a, b) => Math.max(a, b), 0) }, (_, i) => String(i));
  for (const [part, labels] of [
    ["train", train.labels],
    ["test", test?.labels ?? []],
  ] as const)
    for (const label of labels)
      if (label >= classes.length)
        fail("E_DATA_LABEL", `${folder}: a ${part} label is ${label}; expected 0..${classes.length - 1}`);
  return { name: basename(name), classes, train, test, mirror: known?.mirror ?? false, warnings: [] };
}
