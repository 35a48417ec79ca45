// What another network finds of a model's samples, class by class.
import type { Copying } from "../../metrics/copying.ts";
import type { ReportSection } from "../html.ts";
import { percent } from "../judged.ts";

/** What was found. */
export interface SeenSamples {
  /** Samples, and real pictures. */
  readonly n: number;
  /** Numbers of a picture that were compared. */
  readonly features: number;
  /** Of each class; numbers are absent where there are too few pictures. */
  readonly classes: readonly {
    readonly name: string;
    readonly real: number;
    readonly generated: number;
    readonly density?: number;
    readonly coverage?: number;
    readonly spread?: number;
  }[];
  readonly copying?: Copying;
}

const shown = (value: number | undefined): string => (value === undefined ? "" : value.toPrecision(3));

/** Samples of each class beside real pictures of it, and whether any are copies; the numbers of all together are among those of the model. */
export const samplesSection = ({ n, features, classes, copying }: SeenSamples): ReportSection => {
  const copies = copying
    ? ` ${copying.copies ? "Some are copies of training pictures" : "They are no copies of training pictures"}: their distance to the nearest one is ${shown(copying.medianRatio)} of that of real pictures, and ${percent(copying.nearShare, 1)} are nearer than all but a hundredth of these.`
    : "";
  return {
    title: "Samples beside real pictures",
    note: `${n} samples and as many real pictures, by the ${features} features of another network that classifies.${copies}`,
    table: {
      head: ["class", "real", "samples", "density", "coverage", "distances, over those of real pictures"],
      rows: classes.map(({ name, real, generated, density, coverage, spread }) => [
        ...[name, real, generated, shown(density), coverage === undefined ? "" : percent(coverage, 1), shown(spread)],
      ]),
    },
  };
};
