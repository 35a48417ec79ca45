// The commands, as an explicit list; each file loads only when its command is called.
import type { Command } from "commander";

/** A command as the list knows it, before its file is loaded. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  load(): Promise<{ define(command: Command): void }>;
}

/** Every command, in the order of the help. */
export const COMMANDS: readonly CommandEntry[] = [
  { name: "train", summary: "train a model on a data source", load: () => import("./train.ts") },
  {
    name: "evaluate",
    summary: "every metric of a trained run, plots and report.html",
    load: () => import("./evaluate.ts"),
  },
  {
    name: "compare",
    summary: "several models on equal data, in one table",
    load: () => import("./compare.ts"),
  },
  { name: "tune", summary: "search for options of a model", load: () => import("./tune.ts") },
  { name: "classify", summary: "label, probability and novelty of pictures", load: () => import("./classify.ts") },
  { name: "generate", summary: "new pictures from a trained run", load: () => import("./generate.ts") },
  {
    name: "augment",
    summary: "new training pictures of each class, judged by teachers",
    load: () => import("./augment.ts"),
  },
  { name: "reconstruct", summary: "a picture's reconstruction and its error", load: () => import("./reconstruct.ts") },
  {
    name: "translate",
    summary: "other pictures of the same: denoised, filled in, of another class",
    load: () => import("./translate.ts"),
  },
  {
    name: "explain",
    summary: "what would have to change in a picture for it to be of another class",
    load: () => import("./explain.ts"),
  },
  { name: "export", summary: "one ONNX file that runs anywhere", load: () => import("./export.ts") },
  {
    name: "data",
    summary: "look at data sources: info, check, make, convert, augment-preview",
    load: () => import("./data.ts"),
  },
  { name: "models", summary: "the models, their options and papers", load: () => import("./models.ts") },
  { name: "setup", summary: "fetch oneDNN, with which training is faster", load: () => import("./setup.ts") },
  { name: "doctor", summary: "this machine, its backends and their speed", load: () => import("./doctor.ts") },
];
