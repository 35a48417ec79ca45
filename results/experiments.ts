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
   * are multiplied by 250 / GFLOP/s.
   */
  readonly minutesAt250: number;
  readonly published: string;
}

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
    id: "glyphs",
    task: "glyphs (npm start)",
    system: "S2 VAE, joint",
    train: ["vae", "--data", "glyphs"],
    seeds: [0],
    minutesAt250: 1,
    published: "",
  },
];
