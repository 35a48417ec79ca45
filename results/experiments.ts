// The measured results, as a list: what is run, how often, and the published figure that stands beside it.

export interface Experiment {
  readonly id: string;
  readonly task: string;
  readonly system: string;
  /** Arguments of `genclass train`, without --minutes, --seed and --out. */
  readonly train: readonly string[];
  readonly seeds: readonly number[];
  /**
   * Minutes of training on a machine whose `genclass doctor` gives 250 GFLOP/s for the backend that trains; on another one they
   * are multiplied by 250 / GFLOP/s. Absent for what is solved, and for the epochs that `train` says, which take as long as they take.
   */
  readonly minutesAt250?: number;
  /** Whether seconds are those of the whole command, from its start to its report, and not of training alone. */
  readonly isWhole?: boolean;
  /** Whether a draw can miss a whole class, so that the median and the range of draws say more than a mean. */
  readonly byMedian?: boolean;
  readonly published: string;
}

/** A run on the features of a pretrained network, which are computed before it trains. */
const onBackbone = (
  id: string,
  model: string,
  seeds: readonly number[],
  { labels, how = "frozen", more = [] }: { labels?: number; how?: string; more?: readonly string[] } = {},
): Experiment => ({
  id: `caltech10-${id}`,
  task: `caltech10 photographs, ${labels ? `${labels} labels a class, the others unlabelled` : "all labels"}`,
  system: `${model} on EfficientNet-Lite0, ${how}`,
  train: [
    ...[model, "--data", "../shared/data/caltech10", "--backbone", "efficientnet-lite0"],
    ...(labels ? ["--labels", String(labels)] : []),
    ...more,
  ],
  seeds,
  isWhole: true,
  published: `scikit-learn's logistic regression on its features ${labels ? "98.1 %, from the labels alone" : "99.7 %"}`,
});

export const EXPERIMENTS: readonly Experiment[] = [
  {
    id: "mnist-joint",
    task: "MNIST, all labels",
    system: "S2 VAE, joint",
    train: ["vae", "--data", "mnist"],
    seeds: [0, 1, 2],
    minutesAt250: 8,
    published: "small CNNs 99.2-99.4 %",
  },
  {
    id: "mnist-two-phase",
    task: "MNIST, all labels",
    system: "S2 VAE, two phases",
    train: ["vae", "--data", "mnist", "--set", "training=two-phase"],
    seeds: [0, 1, 2],
    minutesAt250: 8,
    published: "small CNNs 99.2-99.4 %",
  },
  {
    id: "fashion-joint",
    task: "Fashion-MNIST, all labels",
    system: "S2 VAE, joint",
    train: ["vae", "--data", "fashion-mnist"],
    seeds: [1, 2, 3],
    minutesAt250: 15,
    published: "2-conv CNN < 100k 92.5 %",
  },
  {
    id: "mnist-10-labels",
    task: "MNIST, 10 labels a class",
    system: "S2 VAE, few labels",
    train: ["vae", "--data", "mnist", "--labels", "10"],
    seeds: [0, 1, 2, 3, 4],
    minutesAt250: 15,
    published: "ladder network 98.94 %, feature-matching GAN 99.07 %",
  },
  {
    id: "mnist-1-label",
    task: "MNIST, one label a class",
    system: "S2 VAE, few labels",
    train: ["vae", "--data", "mnist", "--labels", "1"],
    seeds: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    minutesAt250: 15,
    byMedian: true,
    published: "",
  },
  {
    id: "fashion-100-labels",
    task: "Fashion-MNIST, 100 labels a class",
    system: "S2 VAE, few labels",
    train: ["vae", "--data", "fashion-mnist", "--labels", "100"],
    seeds: [0, 1, 2],
    minutesAt250: 30,
    published: "",
  },
  {
    id: "fashion-100-labels-alone",
    task: "Fashion-MNIST, 100 labels a class and no other pictures",
    system: "baseline: cnn, fast net, hard augmentation",
    train: [
      ...["cnn", "--data", "fashion-mnist", "--labels", "100", "--augment", "hard"],
      // The widths that vae has.
      ...["--set", "net=fast", "--set", "fastWidths=32-64-128"],
    ],
    seeds: [0, 1, 2],
    minutesAt250: 30,
    published: "",
  },
  {
    id: "cifar10-400-labels",
    task: "CIFAR-10 (20,000 pictures), 400 labels a class",
    system: "S2 VAE, few labels",
    train: ["vae", "--data", "cifar10", "--labels", "400"],
    seeds: [0, 1],
    minutesAt250: 60,
    published: "of 50,000 pictures: Bad GAN 85.6 %, mean teacher 91.9 %",
  },
  {
    id: "glyphs",
    task: "glyphs (npm start)",
    system: "S2 VAE, joint",
    train: ["vae", "--data", "glyphs"],
    seeds: [0],
    minutesAt250: 1,
    published: "",
  },
  {
    id: "rotated-mnist-plain",
    task: "rotated MNIST, 12,000 pictures, no rotation augmentation",
    system: "angle-vae without its angle encoder",
    train: ["angle-vae", "--data", "rotated-mnist", "--augment", "none", "--set", "angleEncoder=false"],
    seeds: [0, 1, 2],
    minutesAt250: 25,
    published: "CNN of 22k weights 94.2-95.0 % (Esteves et al. 2018)",
  },
  {
    id: "rotated-mnist-angle",
    task: "rotated MNIST, 12,000 pictures, no rotation augmentation",
    system: "S1 angle-vae",
    train: ["angle-vae", "--data", "rotated-mnist", "--augment", "none"],
    seeds: [0, 1, 2],
    minutesAt250: 25,
    published: "G-CNN 97.72 %, PDO-eConv 98.13 %, PTN-S 98.17 %",
  },
  {
    id: "rotated-mnist-plain-augmented",
    task: "rotated MNIST, 12,000 pictures, rotation augmentation",
    system: "angle-vae without its angle encoder",
    train: ["angle-vae", "--data", "rotated-mnist", "--augment", "rotate=180", "--set", "angleEncoder=false"],
    seeds: [0, 1, 2],
    minutesAt250: 25,
    published: "CNN of 124k weights 98.47 % (Esteves et al. 2018)",
  },
  {
    id: "rotated-mnist-angle-augmented",
    task: "rotated MNIST, 12,000 pictures, rotation augmentation",
    system: "S1 angle-vae",
    train: ["angle-vae", "--data", "rotated-mnist", "--augment", "rotate=180"],
    seeds: [0, 1, 2],
    minutesAt250: 25,
    published: "PTN-B 98.86 %; with a plain CNN beside it 98.99 %",
  },
  {
    id: "mnist-multiscale",
    task: "MNIST, all labels",
    system: "S4 multiscale",
    train: ["multiscale", "--data", "mnist", "--augment", "shift=0.08,rotate=10,scale=0.1,shear=8,elastic=0.04"],
    seeds: [0, 1, 2],
    minutesAt250: 15,
    published: "35 deep CNNs together 99.77 % (Ciresan et al. 2012)",
  },
  {
    id: "fashion-multiscale",
    task: "Fashion-MNIST, all labels",
    system: "S4 multiscale",
    train: [
      ...["multiscale", "--data", "fashion-mnist", "--augment", "mirror,shift=0.07,erase=0.5"],
      ...["--set", "views=six"],
    ],
    seeds: [0, 1, 2],
    minutesAt250: 30,
    published: "DenseNet-BC 0.77 M 95.4 %, WRN-28-10 95.9 %, with random erasing 96.3 %",
  },
  {
    id: "cifar10-multiscale",
    task: "CIFAR-10, 20,000 pictures, all labels",
    system: "S4 multiscale",
    train: [
      ...["multiscale", "--data", "cifar10", "--augment", "mirror,shift=0.125,cutout=0.45"],
      ...["--set", "views=six", "--set", "smoothing=0.2"],
    ],
    seeds: [0, 1, 2],
    minutesAt250: 45,
    published: "the trunk alone, 50,000 pictures 94.0 %, 30,000 pictures about 93 % (Jordan 2024)",
  },
  {
    id: "mnist-hybrid",
    task: "MNIST, all labels",
    system: "S0 hybrid",
    train: ["hybrid", "--data", "mnist", "--augment", "shift=0.08,rotate=10,scale=0.1,shear=8,elastic=0.04"],
    seeds: [0, 1, 2],
    minutesAt250: 15,
    published: "small CNNs 99.2-99.4 %",
  },
  {
    id: "caltech10-hybrid",
    task: "caltech10 photographs, 96x96, all labels",
    system: "S0 hybrid",
    train: [
      "hybrid",
      "--data",
      "../shared/data/caltech10",
      "--image",
      "96x96",
      "--augment",
      "light,crop=0.3,erase=0.3",
    ],
    seeds: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    minutesAt250: 20,
    published: "",
  },
  {
    id: "mnist-10-labels-sgan",
    task: "MNIST, 10 labels a class",
    system: "S3 sgan",
    train: ["sgan", "--data", "mnist", "--labels", "10", "--batch", "100"],
    seeds: [0, 1, 2, 3, 4],
    minutesAt250: 40,
    published: "the same in 300 epochs 99.07 % (Salimans et al. 2016), with a density 99.20 % (Dai et al. 2017)",
  },
  {
    id: "mnist-10-labels-sgan-bank",
    task: "MNIST, 10 labels a class",
    system: "S3 sgan of convolutions, with guessed labels",
    train: [
      ...["sgan", "--data", "mnist", "--labels", "10", "--batch", "100"],
      ...["--set", "net=conv", "--set", "guessed=0.8"],
    ],
    seeds: [0, 1, 2, 3, 4],
    minutesAt250: 40,
    published: "without guessed labels 99.07 % (Salimans et al. 2016), with a density 99.20 % (Dai et al. 2017)",
  },
  {
    id: "mnist-10-labels-m2",
    task: "MNIST, 10 labels a class",
    system: "m2",
    train: ["m2", "--data", "mnist", "--labels", "10"],
    seeds: [0, 1, 2, 3, 4],
    minutesAt250: 15,
    published: "88.03 % (Kingma et al. 2014)",
  },
  {
    id: "mnist-class-vae",
    task: "MNIST, all labels",
    system: "class-vae",
    train: ["class-vae", "--data", "mnist"],
    seeds: [0, 1, 2],
    minutesAt250: 15,
    published: "",
  },
  {
    id: "mnist-10-labels-m1m2",
    task: "MNIST, 10 labels a class",
    system: "m1m2, labels spread over a graph",
    train: [
      ...["m1m2", "--data", "mnist", "--labels", "10", "--augment", "none"],
      ...["--set", "spread=true", "--set", "classWeight=100", "--set", "firstShare=0.3"],
    ],
    seeds: [0, 1, 2, 3, 4],
    minutesAt250: 15,
    published: "96.67 % (Kingma et al. 2014)",
  },
  {
    id: "mnist-cnn",
    task: "MNIST, all labels",
    system: "baseline: cnn, fast net",
    train: [
      ...["cnn", "--data", "mnist", "--set", "net=fast"],
      ...["--augment", "shift=0.08,rotate=10,scale=0.1,shear=8,elastic=0.04"],
    ],
    seeds: [0, 1, 2],
    minutesAt250: 30,
    published: "small CNNs 99.2-99.4 %",
  },
  {
    id: "fashion-cnn",
    task: "Fashion-MNIST, all labels",
    system: "baseline: cnn, fast net",
    train: [
      ...["cnn", "--data", "fashion-mnist", "--set", "net=fast"],
      ...["--augment", "mirror,shift=0.07,erase=0.5", "--set", "views=six"],
    ],
    seeds: [0, 1, 2],
    minutesAt250: 30,
    published: "CNN with shortcuts + erasing 94.7 %, DenseNet-BC 0.77 M 95.4 %",
  },
  {
    id: "mnist-logistic",
    task: "MNIST, all labels",
    system: "baseline: logistic regression, pictures as they are",
    train: ["logistic", "--data", "mnist", "--augment", "none"],
    seeds: [0],
    published: "",
  },
  {
    id: "mnist-svm",
    task: "MNIST, all labels",
    system: "baseline: support vectors, radial kernel, on 64 principal components",
    train: ["svm", "--data", "mnist"],
    seeds: [0],
    published: "",
  },
  {
    id: "fashion-svm",
    task: "Fashion-MNIST, all labels",
    system: "baseline: support vectors, radial kernel, on 64 principal components",
    train: ["svm", "--data", "fashion-mnist"],
    seeds: [0],
    published: "",
  },
  {
    id: "mnist-knn",
    task: "MNIST, all labels",
    system: "baseline: 5 nearest neighbours, on 64 principal components",
    train: ["knn", "--data", "mnist"],
    seeds: [0],
    published: "",
  },
  {
    id: "fashion-knn",
    task: "Fashion-MNIST, all labels",
    system: "baseline: 5 nearest neighbours, on 64 principal components",
    train: ["knn", "--data", "fashion-mnist"],
    seeds: [0],
    published: "",
  },
  onBackbone("backbone-cnn", "cnn", [0, 1, 2]),
  onBackbone("backbone-hybrid", "hybrid", [0, 1, 2]),
  onBackbone("backbone-multiscale", "multiscale", [0]),
  onBackbone("backbone-10-labels-cnn", "cnn", [0, 1, 2, 3, 4], { labels: 10 }),
  onBackbone("backbone-10-labels-vae", "vae", [0, 1, 2, 3, 4], { labels: 10 }),
  onBackbone("backbone-fine-tuned", "cnn", [0], {
    how: "all of it trained, three epochs",
    more: ["--freeze", "none", "--epochs", "3"],
  }),
  onBackbone("backbone-fine-tuned-default", "cnn", [0, 1, 2], {
    how: "all of it trained, default options",
    more: ["--freeze", "none"],
  }),
];
