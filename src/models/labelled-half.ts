// Streams of models that learn from pictures with and without labels.
import type { ExampleCounts } from "../data/dataset.ts";
import type { Streams } from "./model.ts";

/** Whether some pictures have a label and most have none; false where that is not known. */
export const mostlyUnlabelled = (examples: ExampleCounts | undefined): boolean =>
  examples !== undefined && examples.labelled > 0 && examples.labelled < examples.unlabelled;

/**
 * The stream `all`; where most pictures have no label, half of a step's pictures are a stream `labelled`, so that each step
 * teaches classes, and the other half are of all, over which a generative loss is a mean.
 * @param view of the pictures of `all`
 */
export const labelledHalf = (
  examples: ExampleCounts | undefined,
  view: "augmented" | "plain" = "augmented",
): Streams => {
  const views = { x: view };
  return mostlyUnlabelled(examples)
    ? { all: { share: 0.5, views }, labelled: { from: "labelled", share: 0.5 } }
    : { all: { views } };
};
