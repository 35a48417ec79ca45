// Streams of models that learn from pictures with and without labels.
import type { ExampleCounts } from "../data/dataset.ts";
import type { Streams } from "./model.ts";

/** Whether some pictures have a label and most have none. */
export const mostlyUnlabelled = ({ labelled, unlabelled }: ExampleCounts): boolean =>
  labelled > 0 && labelled < unlabelled;

/**
 * The stream `all`; where most pictures have no label, half of a step's pictures are a stream `labelled`, so that each step
 * teaches classes, and the other half are of all, over which a generative loss is a mean.
 */
export const labelledHalf = (counts: ExampleCounts): Streams =>
  mostlyUnlabelled(counts) ? { all: { share: 0.5 }, labelled: { from: "labelled", share: 0.5 } } : { all: {} };
