// The data sets that have names: class names, whether a mirrored picture keeps its class, checksums of the official files.

export interface BuiltInSet {
  readonly format: "idx" | "cifar10";
  readonly classes: readonly string[];
  readonly mirror: boolean;
  /** SHA-256 by file name, of the official `.gz` files. */
  readonly sha256: Readonly<Record<string, string>>;
}

export const BUILT_IN_SETS: Readonly<Record<string, BuiltInSet>> = {
  mnist: {
    format: "idx",
    classes: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
    mirror: false,
    sha256: {
      "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
      "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
      "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
      "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    },
  },
  "fashion-mnist": {
    format: "idx",
    classes: ["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"],
    mirror: true,
    sha256: {
      "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
      "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
      "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
      "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    },
  },
  cifar10: {
    format: "cifar10",
    classes: ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
    mirror: true,
    // Recompressed copies differ in their gzip bytes, so the official checksums are of no use here.
    sha256: {},
  },
};
