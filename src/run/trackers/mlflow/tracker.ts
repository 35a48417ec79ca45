// Tells an MLflow server how a run goes, beside the training: what cannot be sent now is sent later, and never holds up a step.
import { now } from "../../../base/clock.ts";
import type { RunFolder } from "../../folder.ts";
import { lastServer } from "./sent.ts";
import { type MlflowEnvironment, MlflowError, MlflowServer, trackingServer } from "./server.ts";
import { type MlflowStatus, MlflowSync } from "./sync.ts";

/** Seconds between what is sent; after failures they double, up to the most. */
const [PAUSE, LONGEST_PAUSE] = [2, 60];

/** A run and the server that follows it. */
export class MlflowTracker {
  private readonly server: MlflowServer;
  private readonly sync: MlflowSync;
  private work: Promise<void> | undefined;
  private pause = PAUSE;
  private next = 0;
  private isRefused = false;
  /** Whether it was said that the server is away. */
  private isAway = false;
  private readonly told = new Set<string>();
  private lines: string[] = [];

  private constructor(run: RunFolder, url: URL, environment: MlflowEnvironment) {
    this.server = new MlflowServer(url, environment);
    this.sync = new MlflowSync(run, this.server);
  }

  /** The tracker of a run that asks for one. @throws `E_OPTION` for an address that is none */
  static of(run: RunFolder, environment: MlflowEnvironment = process.env): MlflowTracker | undefined {
    const { track } = run.config;
    if (track === null) return undefined;
    return new MlflowTracker(run, trackingServer(track, environment, lastServer(run.path)), environment);
  }

  /** What follows a step and an epoch is told again, and is other than what was sent of it. */
  goBackTo(step: number, epoch: number): void {
    this.sync.goBackTo(step, epoch);
  }

  /** Something was told: it is sent soon, beside what comes next. */
  follow(): void {
    if (this.work || this.isRefused || now() < this.next) return;
    this.work = this.attempt("RUNNING").finally(() => {
      this.work = undefined;
    });
  }

  /** Sends all that is left of a run that has ended, as far as the server takes it. */
  async finish(status: MlflowStatus): Promise<void> {
    await this.work;
    if (!this.isRefused) await this.attempt(status);
  }

  /** Sends nothing more of a run that somebody has left: the next process that has the folder does. */
  async leave(): Promise<void> {
    this.sync.isLeft = true;
    await this.work;
  }

  /** What people should know since it was last asked: each fault once. */
  notes(): string[] {
    const { lines } = this;
    this.lines = [];
    return lines;
  }

  private tell(line: string): void {
    if (this.told.has(line)) return;
    this.told.add(line);
    this.lines.push(`MLflow at ${this.server.url.href}: ${line}`);
  }

  private async attempt(status: MlflowStatus): Promise<void> {
    try {
      await this.sync.bring(status, (line) => this.tell(line));
      this.pause = PAUSE;
    } catch (cause) {
      this.pause = Math.min(LONGEST_PAUSE, 2 * this.pause);
      this.isRefused = cause instanceof MlflowError && cause.isFinal;
      const reason = (cause as Error).message;
      if (this.isRefused) this.tell(`${reason}; nothing more is sent by this process`);
      else if (!this.isAway)
        this.tell(`${reason}; training goes on, and what is missing is sent when it answers, or when the run goes on`);
      this.isAway = true;
    }
    this.next = now() + this.pause;
  }
}
