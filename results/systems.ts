// The five systems, with the command of each and the experiments (experiments.ts) that README's table tells of it.
export interface System {
  readonly name: string;
  readonly what: string;
  /** In Markdown. */
  readonly commands: string;
  /** Of `EXPERIMENTS`. */
  readonly measured: readonly string[];
  /** Results of other files, as README's own tables have them. */
  readonly alsoFrom?: readonly ("denoise" | "asked" | "style" | "added")[];
}

export const SYSTEMS: readonly System[] = [
  {
    name: "S0",
    what: "hybrid features: autoencoder + GAN + CNN",
    commands: "`genclass train hybrid [--set training=staged]`",
    measured: ["mnist-hybrid", "caltech10-hybrid", "caltech10-backbone-hybrid"],
  },
  {
    name: "S1",
    what: "VAE with an angle encoder, training on generated images",
    commands: "`genclass train angle-vae`; `genclass augment`, `train --add`",
    measured: ["rotated-mnist-angle-augmented", "rotated-mnist-angle"],
    alsoFrom: ["added"],
  },
  {
    name: "S2",
    what: "VAE classifier: joint, two-phase, its classifier apart, from few labels",
    commands: "`genclass train vae [--set training=two-phase] [--labels 10]`",
    measured: ["mnist-joint", "mnist-two-phase", "fashion-joint", "cifar10-separate", "mnist-10-labels"],
  },
  {
    name: "S3",
    what: "GAN generation and classification, image to image",
    commands:
      "`genclass train gan`, `acgan`, `sgan --labels 10 [--set net=conv --set guessed=0.8]`, `pix2pix --pairs denoise`, `stargan`; `translate`",
    measured: ["mnist-10-labels-sgan-bank"],
    alsoFrom: ["asked", "denoise", "style"],
  },
  {
    name: "S4",
    what: "multi-scale GAN classifier",
    commands: "`genclass train multiscale`",
    measured: ["mnist-multiscale", "fashion-multiscale", "cifar10-multiscale", "caltech10-backbone-multiscale"],
  },
];
