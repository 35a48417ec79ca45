// The data sets that have names: what they hold, whether a mirrored picture keeps its class, and their official files.

/** A file of a built-in set and where to fetch it. */
export interface Download {
  /** Its name. */
  readonly file: string;
  /** The published MD5 checksum of its bytes, in lower-case hexadecimal digits. */
  readonly md5: string;
  /** Addresses that are tried in turn. */
  readonly urls: readonly string[];
  /** Where it is an archive: the names, without folders, of the members that are extracted. */
  readonly members?: readonly string[];
}

/** A data set with a name. */
export interface BuiltInSet {
  /** Format of its files, which also says how many classes a CIFAR record has. */
  readonly format: "idx" | "cifar10" | "cifar100";
  /** Class names in the order of the files' labels. */
  readonly classes: readonly string[];
  /** Whether a mirrored picture is still of its class. */
  readonly mirror: boolean;
  /** The label that stands for the first class in the files. */
  readonly firstLabel: number;
  /** Whether rows and columns are exchanged in the files. */
  readonly transposed: boolean;
  /** The files it consists of. */
  readonly downloads: readonly Download[];
}

const DIGITS = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
const plain = { firstLabel: 0, transposed: false };

/** The four files of the MNIST family. */
function idxFiles(bases: readonly string[], md5: readonly [string, string, string, string]): Download[] {
  return ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"].map((stem, i) => ({
    file: `${stem}-ubyte.gz`,
    md5: md5[i]!,
    urls: bases.map((base) => `${base}${stem}-ubyte.gz`),
  }));
}

const EMNIST_FILES = ["train-images-idx3", "train-labels-idx1", "test-images-idx3", "test-labels-idx1"].map(
  (stem) => `emnist-letters-${stem}-ubyte.gz`,
);

// Superclasses are left out: the 100 fine classes, in the order of the files.
const CIFAR100 =
  "apple,aquarium_fish,baby,bear,beaver,bed,bee,beetle,bicycle,bottle,bowl,boy,bridge,bus,butterfly,camel,can,castle,caterpillar,cattle,chair,chimpanzee,clock,cloud,cockroach,couch,crab,crocodile,cup,dinosaur,dolphin,elephant,flatfish,forest,fox,girl,hamster,house,kangaroo,keyboard,lamp,lawn_mower,leopard,lion,lizard,lobster,man,maple_tree,motorcycle,mountain,mouse,mushroom,oak_tree,orange,orchid,otter,palm_tree,pear,pickup_truck,pine_tree,plain,plate,poppy,porcupine,possum,rabbit,raccoon,ray,road,rocket,rose,sea,seal,shark,shrew,skunk,skyscraper,snail,snake,spider,squirrel,streetcar,sunflower,sweet_pepper,table,tank,telephone,television,tiger,tractor,train,trout,tulip,turtle,wardrobe,whale,willow_tree,wolf,woman,worm".split(
    ",",
  );

/** The sets that can be downloaded, by name. */
export const BUILT_IN_SETS: Readonly<Record<string, BuiltInSet>> = {
  mnist: {
    ...plain,
    format: "idx",
    classes: DIGITS,
    mirror: false,
    downloads: idxFiles(
      ["https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"],
      [
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "d53e105ee54ea40749a09fcbcd1e9432",
        "9fb629c4189551a2d022fa330f9573f3",
        "ec29112dd5afa0611ce80d1b7f02629c",
      ],
    ),
  },
  "fashion-mnist": {
    ...plain,
    format: "idx",
    classes: ["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"],
    mirror: true,
    downloads: idxFiles(
      [
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
      ],
      [
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "25c81989df183df01b3e8a0aad5dffbe",
        "bef4ecab320f06d8554ea6380940ec79",
        "bb300cfdad3c16e7a12a480ee83cd310",
      ],
    ),
  },
  kmnist: {
    ...plain,
    format: "idx",
    classes: ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"],
    mirror: false,
    downloads: idxFiles(
      ["https://codh.rois.ac.jp/kmnist/dataset/kmnist/", "http://codh.rois.ac.jp/kmnist/dataset/kmnist/"],
      [
        "bdb82020997e1d708af4cf47b453dcf7",
        "e144d726b3acfaa3e44228e80efcd344",
        "5c965bf0a639b31b8f53240b1b52f4d7",
        "7320c461ea6c1c855c0b718fb2a4b134",
      ],
    ),
  },
  "emnist-letters": {
    format: "idx",
    classes: "abcdefghijklmnopqrstuvwxyz".split(""),
    mirror: false,
    firstLabel: 1,
    transposed: true,
    downloads: [
      {
        file: "gzip.zip",
        md5: "58c8d27c78d21e728a6bc7b3cc06412e",
        urls: ["https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip"],
        members: EMNIST_FILES,
      },
    ],
  },
  cifar10: {
    ...plain,
    format: "cifar10",
    classes: ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
    mirror: true,
    downloads: [
      {
        file: "cifar-10-binary.tar.gz",
        md5: "c32a1d4ab5d03f1284b67883e8d87530",
        urls: ["https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"],
        members: ["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"].map(
          (stem) => `${stem}.bin`,
        ),
      },
    ],
  },
  cifar100: {
    ...plain,
    format: "cifar100",
    classes: CIFAR100,
    mirror: true,
    downloads: [
      {
        file: "cifar-100-binary.tar.gz",
        md5: "03b5dce01913d631647c71ecec9e9cb8",
        urls: ["https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz"],
        members: ["train.bin", "test.bin"],
      },
    ],
  },
};

/** The names of the files that a folder of the set holds once it is downloaded: of archives, their extracted members. */
export const filesOf = ({ downloads }: BuiltInSet): string[] =>
  downloads.flatMap(({ file, members }) => members ?? [file]);
