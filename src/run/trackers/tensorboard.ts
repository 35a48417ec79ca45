// The TensorBoard tracker: losses, metrics, pictures, histograms and hyperparameters of a run in one event file, so that any
// TensorBoard reads a run folder.
import { readdirSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { now } from "../../base/clock.ts";
import type { State } from "../../runtime/program.ts";
import type { RunEvent } from "../../train/events.ts";
import { append } from "../files.ts";
import { eventMessage, tfRecord } from "./tensorboard-records.ts";
import {
  type HyperParameters,
  histogramOf,
  histogramValue,
  hyperParametersValue,
  imageValue,
  type SummaryValue,
  scalarValue,
  sessionEndValue,
} from "./tensorboard-values.ts";

/** Seconds for which records are gathered: a write a step would stand between the steps. */
const GATHER_SECONDS = 1;

/** What the names of event files begin with. */
const PREFIX = "events.out.tfevents.";

/** Names of the event files in a folder, the oldest first. */
export const eventFiles = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.startsWith(PREFIX))
    .sort();

/** Appends to one event file. */
export class TensorBoardTracker {
  /** Of the event file, in its folder. */
  readonly name: string;
  private readonly file: string;
  private records: Buffer[] = [];
  private written = now();
  /** Steps of the last epoch's end and of the last histograms. */
  private epochEnd = -1;
  private histogramsAt = -1;

  /**
   * @param name the event file to go on with; a new one is begun without it
   * @param parameters what a new file says that the run is trained with
   */
  constructor(folder: string, name?: string, parameters: HyperParameters = {}) {
    const begun = Date.now() / 1000;
    this.name = name ?? `${PREFIX}${Math.floor(begun)}.${hostname()}`;
    this.file = join(folder, this.name);
    if (name !== undefined) return;
    this.records.push(tfRecord(eventMessage(begun, 0, (out) => out.writeStringField(3, "brain.Event:2"))));
    this.add(0, [hyperParametersValue(parameters, begun)]);
    this.flush();
  }

  track(event: RunEvent): void {
    if (event.type === "end")
      this.add(event.step, [sessionEndValue(event.reason !== "interrupted", Date.now() / 1000)]);
    if (event.type !== "step" && event.type !== "epoch") return;
    this.scalars(
      event.step,
      event.type === "step"
        ? { ...event.losses, learningRate: event.learningRate, imagesPerSecond: event.imagesPerSecond }
        : event.metrics,
    );
    if (event.type === "epoch") this.epochEnd = event.step;
    if (event.type === "epoch" || now() - this.written > GATHER_SECONDS) this.flush();
  }

  /** Adds numbers by name. */
  scalars(step: number, values: Readonly<Record<string, number>>): void {
    this.add(
      step,
      Object.entries(values).map(([tag, value]) => scalarValue(tag, value)),
    );
  }

  /** Adds a picture. @param png a PNG file */
  image(tag: string, step: number, png: Buffer): void {
    this.add(step, [imageValue(tag, png)]);
  }

  /** Adds histograms of weights, as `parameters/PATH`: once after an epoch, and nothing between epochs. */
  parameters(step: number, state: State): void {
    if (step !== this.epochEnd || step === this.histogramsAt) return;
    this.histogramsAt = step;
    const values = [...state].flatMap(([path, { data }]) => {
      const histogram = histogramOf(data);
      return histogram ? [histogramValue(`parameters/${path}`, histogram)] : [];
    });
    this.add(step, values);
  }

  private add(step: number, values: readonly SummaryValue[]): void {
    const summary = eventMessage(Date.now() / 1000, step, (out) =>
      out.writeMessage(
        5,
        () => {
          for (const value of values) out.writeMessage(1, () => value(out), undefined);
        },
        undefined,
      ),
    );
    this.records.push(tfRecord(summary));
  }

  /** Writes what was gathered. */
  flush(): void {
    if (this.records.length === 0) return;
    append(this.file, Buffer.concat(this.records));
    this.records = [];
    this.written = now();
  }
}
