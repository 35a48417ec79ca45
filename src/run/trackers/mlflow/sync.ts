// Brings a run on an MLflow server to where the run folder is. Each step notes what the server has, so that it may stop anywhere and be
// done again: what was sent twice because an answer was lost is the same to the last bit, and the server's database keeps one.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { z } from "zod";
import { CARD } from "../../card.ts";
import { evaluatedMetrics, FIGURES, isOfTraining, readFigures } from "../../figures.ts";
import type { RunFolder } from "../../folder.ts";
import { EVENTS, RESULTS } from "../../logs.ts";
import { withoutPlaces } from "../../places.ts";
import { artifactPlace, MODEL, mlModel, modelFolder } from "./artifacts.ts";
import { EventFile } from "./event-file.ts";
import { registerVersion } from "./registry.ts";
import { keepSent, type Sent, sentTo } from "./sent.ts";
import { anything, isCode, MlflowError, type MlflowServer } from "./server.ts";
import { type KeyValue, type MetricValue, metricsOfEvent, metricValues, modelName, paramsOf, tagsOf } from "./told.ts";

/** Metrics, and parameters, that a call may have. */
const [MOST_METRICS, MOST_PARAMS] = [1000, 100];
/** Bytes of a file that is sent; a larger one stays where it is. */
const MOST_FILE = 512 * 2 ** 20;
/** The files of a run that are sent as they are when training has ended, where they are there. */
const FILES = [RESULTS, FIGURES, CARD, "report.html"];
/** That of its configuration, which is sent without places. */
const CONFIG = "config.json";

const runSchema = z.object({
  info: z.object({ run_id: z.string().regex(/^[\w-]{1,64}$/), artifact_uri: z.string().max(2000).default("") }),
});

/** How a run stands, in MLflow's words. */
export type MlflowStatus = "RUNNING" | "FINISHED" | "KILLED" | "FAILED";

/** One run folder and the server that gets it. */
export class MlflowSync {
  private readonly sent: Sent;
  private readonly events: EventFile;
  /** Once set, no more metrics are sent: whoever sent them does not wait for the rest. */
  isLeft = false;
  /** Events that were read and are not all sent. */
  private unsent: Awaited<ReturnType<EventFile["more"]>>;

  constructor(
    private readonly run: RunFolder,
    private readonly server: MlflowServer,
  ) {
    this.sent = sentTo(run.path, server.url.href);
    this.events = new EventFile(run.file(EVENTS));
  }

  /**
   * Sends what the server does not have yet.
   * @param status how the run stands; files are sent of one that has ended, and the model registered of one that is finished
   * @param tell is called with a line for what cannot be sent at all
   * @throws `MlflowError`, and what the file system throws: what was sent before is noted
   */
  async bring(status: MlflowStatus, tell: (line: string) => void): Promise<void> {
    await this.make();
    await this.describe();
    await this.sendMetrics();
    try {
      if (status !== "RUNNING") {
        await this.sendFigures();
        await this.sendFiles(status, tell);
      }
    } finally {
      // Whatever became of files, the run has ended.
      await this.sendStatus(status);
    }
  }

  /** Takes back what was sent of steps after `step` and epochs after `epoch`: they are told again, and are others. */
  goBackTo(step: number, epoch: number): void {
    this.sent.step = Math.min(this.sent.step, step);
    this.sent.epoch = Math.min(this.sent.epoch, epoch);
  }

  private async sendStatus(status: MlflowStatus): Promise<void> {
    if (this.sent.status === status) return;
    await this.server.post(
      "runs/update",
      { ...this.runId, status, ...(status === "RUNNING" ? {} : { end_time: Date.now() }) },
      anything,
    );
    await this.note({ status });
  }

  private async note(more: Partial<Sent>): Promise<void> {
    Object.assign(this.sent, more);
    await keepSent(this.run.path, this.sent);
  }

  private async noteHash(name: string, hash: string): Promise<void> {
    await this.note({ hashes: { ...this.sent.hashes, [name]: hash } });
  }

  private get runId(): { readonly run_id: string } {
    return { run_id: this.sent.run!.id };
  }

  /** The experiment is that of the data, so that MLflow compares runs that can be compared. */
  private async make(): Promise<void> {
    if (this.sent.run) return;
    const { model, data } = this.run.config;
    const experiment = await this.experiment(`genclass-${data.name}`.slice(0, 200));
    const earlier = this.sent.isAsked ? await this.findRun(experiment) : undefined;
    await this.note({ isAsked: true });
    const made =
      earlier ??
      (
        await this.server.post(
          "runs/create",
          {
            experiment_id: experiment,
            start_time: this.sent.begun,
            run_name: basename(resolve(this.run.path)) || model,
            tags: [{ key: "genclass.run", value: this.sent.tag }],
          },
          z.object({ run: runSchema }),
        )
      ).run;
    await this.note({ run: { id: made.info.run_id, experiment, artifacts: made.info.artifact_uri } });
  }

  private async experiment(name: string): Promise<string> {
    const find = async () => {
      const schema = z.object({ experiment: z.object({ experiment_id: z.string() }) });
      const found = await this.server.get("experiments/get-by-name", { experiment_name: name }, schema);
      return found.experiment.experiment_id;
    };
    try {
      return await find();
    } catch (cause) {
      if (!isCode(cause, "RESOURCE_DOES_NOT_EXIST")) throw cause;
    }
    try {
      const schema = z.object({ experiment_id: z.string() });
      return (await this.server.post("experiments/create", { name }, schema)).experiment_id;
    } catch (cause) {
      // Another run of the same data was faster.
      if (!isCode(cause, "RESOURCE_ALREADY_EXISTS")) throw cause;
      return find();
    }
  }

  /** The run that was made although its answer was lost. */
  private async findRun(experiment: string) {
    const query = {
      experiment_ids: [experiment],
      filter: `tags."genclass.run" = '${this.sent.tag}'`,
      max_results: 1,
    };
    const { runs } = await this.server.post("runs/search", query, z.object({ runs: z.array(runSchema).default([]) }));
    return runs[0];
  }

  private async describe(): Promise<void> {
    if (this.sent.isDescribed) return;
    const params = paramsOf(this.run.config);
    for (let at = 0; at < params.length; at += MOST_PARAMS)
      await this.logBatch({ params: params.slice(at, at + MOST_PARAMS) });
    await this.logBatch({ tags: tagsOf(this.run.config) });
    await this.note({ isDescribed: true });
  }

  private async logBatch(batch: {
    readonly params?: readonly KeyValue[];
    readonly tags?: readonly KeyValue[];
    readonly metrics?: readonly MetricValue[];
  }): Promise<void> {
    await this.server.post("runs/log-batch", { ...this.runId, ...batch }, anything);
  }

  /**
   * The events that follow the last one that was sent. A run that goes on tells some of them again, which are left out where they are
   * the same: else see `goBackTo`.
   */
  private async sendMetrics(): Promise<void> {
    for (;;) {
      const events = this.unsent ?? (await this.events.more());
      if (!events) return;
      this.unsent = events;
      let batch: MetricValue[] = [];
      let { step, epoch } = this.sent;
      const flush = async () => {
        for (let at = 0; at < batch.length; at += MOST_METRICS)
          await this.logBatch({ metrics: batch.slice(at, at + MOST_METRICS) });
        if (batch.length > 0) await this.note({ step, epoch });
        batch = [];
      };
      for (const event of events) {
        if (this.isLeft) return;
        if (event.type !== "step" && event.type !== "epoch") continue;
        if (event.type === "step" ? event.step <= step : event.epoch <= epoch) continue;
        const metrics = metricsOfEvent(event, this.sent.begun);
        if (batch.length + metrics.length > MOST_METRICS) await flush();
        batch.push(...metrics);
        if (event.type === "step") step = event.step;
        else epoch = event.epoch;
      }
      await flush();
      this.unsent = undefined;
    }
  }

  /** What was evaluated, as `PART/METRIC` with the ends of its interval. */
  private async sendFigures(): Promise<void> {
    const figures = readFigures(this.run);
    if (!figures) return;
    const { step, ended } = figures.training;
    for (const [part, found] of Object.entries(figures.parts)) {
      const hash = sha256(JSON.stringify(found));
      if (isOfTraining(found) || this.sent.hashes[`part ${part}`] === hash) continue;
      const ends = Object.entries(found.intervals ?? {}).flatMap(([name, [low, high]]) => [
        [`${name}/low`, low] as const,
        [`${name}/high`, high] as const,
      ]);
      const values = evaluatedMetrics(part, { ...found.metrics, ...Object.fromEntries(ends) });
      const metrics = metricValues(values, step, Date.parse(ended));
      await this.logBatch({ metrics: metrics.slice(0, MOST_METRICS) });
      await this.noteHash(`part ${part}`, hash);
    }
  }

  private async sendFiles(status: MlflowStatus, tell: (line: string) => void): Promise<void> {
    const place = artifactPlace(this.sent.run!.artifacts, this.server.url.host);
    if (!place) {
      tell(
        `files are not sent: the server keeps them at ${this.sent.run!.artifacts.slice(0, 100)}, not by itself (mlflow server --serve-artifacts)`,
      );
      return;
    }
    const config = Buffer.from(`${JSON.stringify(withoutPlaces(this.run.config), null, 2)}\n`);
    await this.sendBytes(CONFIG, config, () => [...place, CONFIG], tell);
    for (const name of FILES) await this.sendFile(name, () => [...place, name], tell);
    const model = await this.sendFile(MODEL, (hash) => [...place, modelFolder(hash), MODEL], tell);
    if (model === undefined) return;
    const folder = modelFolder(model);
    const description = Buffer.from(mlModel(folder, this.run.config.genclass));
    const isDescribed = await this.put("MLmodel", [...place, folder, "MLmodel"], description, tell);
    if (isDescribed && status === "FINISHED") await this.register(model, folder, tell);
  }

  /** Keeps bytes on the server. @returns whether it took them: what it refuses is told, and is no reason to lack the rest */
  private async put(
    name: string,
    place: readonly string[],
    bytes: Uint8Array,
    tell: (line: string) => void,
  ): Promise<boolean> {
    try {
      await this.server.putArtifact(place, bytes);
      return true;
    } catch (cause) {
      if (!(cause instanceof MlflowError && cause.isFinal)) throw cause;
      tell(`${name} is not sent: ${cause.message}`);
      return false;
    }
  }

  /**
   * Sends a file that is there and is another than the server has.
   * @param place where, by the hash of its bytes
   * @returns the hash of the file, if the server has it now
   */
  private async sendFile(
    name: string,
    place: (hash: string) => readonly string[],
    tell: (line: string) => void,
  ): Promise<string | undefined> {
    const file = this.run.file(name);
    if (!existsSync(file)) return undefined;
    const { size } = await stat(file);
    if (size > MOST_FILE) {
      tell(`${name} is not sent: it has ${Math.round(size / 2 ** 20)} MiB, more than ${MOST_FILE / 2 ** 20}`);
      return undefined;
    }
    return this.sendBytes(name, await readFile(file), place, tell);
  }

  private async sendBytes(
    name: string,
    bytes: Uint8Array,
    place: (hash: string) => readonly string[],
    tell: (line: string) => void,
  ): Promise<string | undefined> {
    const hash = sha256(bytes);
    if (this.sent.hashes[`file ${name}`] === hash) return hash;
    if (!(await this.put(name, place(hash), bytes, tell))) return undefined;
    await this.noteHash(`file ${name}`, hash);
    return hash;
  }

  /** A version of the registered model for each exported file; a server without a registry has none. */
  private async register(hash: string, folder: string, tell: (line: string) => void): Promise<void> {
    if (this.sent.hashes.registered === hash) return;
    const { id: run, artifacts } = this.sent.run!;
    try {
      const source = `${artifacts}/${folder}`;
      await registerVersion(this.server, { name: modelName(this.run.config), run, sha256: hash, source });
    } catch (cause) {
      if (!(cause instanceof MlflowError && cause.isFinal)) throw cause;
      tell(`the model is not registered: ${cause.message}`);
    }
    await this.noteHash("registered", hash);
  }
}

const sha256 = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex");
