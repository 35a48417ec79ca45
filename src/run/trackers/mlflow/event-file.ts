// The events of a run, read from its log as it grows.
import { open } from "node:fs/promises";
import type { RunEvent } from "../../../train/events.ts";
import { eventOf } from "../../logs.ts";

/** Bytes that are read at a time. */
const CHUNK = 256 * 1024;

/** A log of events that is read on from where it was left. */
export class EventFile {
  private offset = 0;

  constructor(private readonly file: string) {}

  /** The events of some more whole lines; undefined where there are none yet. */
  async more(): Promise<RunEvent[] | undefined> {
    const handle = await open(this.file, "r").catch(() => undefined);
    if (!handle) return undefined;
    try {
      for (let size = CHUNK; ; size *= 2) {
        const { bytesRead, buffer } = await handle.read(Buffer.alloc(size), 0, size, this.offset);
        const end = buffer.subarray(0, bytesRead).lastIndexOf(10) + 1;
        if (end > 0) {
          this.offset += end;
          const lines = buffer.toString("utf8", 0, end).split("\n");
          return lines.flatMap((line) => eventOf(line) ?? []);
        }
        // A line is longer than what was read, or is being written.
        if (bytesRead < size) return undefined;
      }
    } finally {
      await handle.close();
    }
  }
}
