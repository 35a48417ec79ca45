// The measured results, as a list: what is run, how often, and the published figure that stands beside it.

export interface Experiment {
  readonly id: string;
  readonly task: string;
  readonly system: string;
  /** Arguments of `genclass train`, without --seed and --out. */
  readonly train: readonly string[];
  readonly seeds: readonly number[];
  readonly budget: string;
  readonly published: string;
}

export const EXPERIMENTS: readonly Experiment[] = [
  {
    id: "mnist-joint",
    task: "MNIST, all labels",
    system: "S2 VAE, joint",
    train: ["vae", "--data", "mnist", "--minutes", "8"],
    seeds: [0, 1, 2],
    budget: "8 minutes, 2 cores",
    published: "small CNNs 99.2-99.4 %",
  },
  {
    id: "mnist-two-phase",
    task: "MNIST, all labels",
    system: "S2 VAE, two phases",
    train: ["vae", "--data", "mnist", "--minutes", "8", "--set", "training=two-phase"],
    seeds: [0, 1, 2],
    budget: "8 minutes, 2 cores",
    published: "small CNNs 99.2-99.4 %",
  },
  {
    id: "fashion-joint",
    task: "Fashion-MNIST, all labels",
    system: "S2 VAE, joint",
    train: ["vae", "--data", "fashion-mnist", "--minutes", "15"],
    seeds: [1, 2, 3],
    budget: "15 minutes, 2 cores",
    published: "2-conv CNN < 100k 92.5 %",
  },
  {
    id: "glyphs",
    task: "glyphs (npm start)",
    system: "S2 VAE, joint",
    train: ["vae", "--data", "glyphs", "--minutes", "1"],
    seeds: [0],
    budget: "1 minute, 2 cores",
    published: "",
  },
];
