// mlflow.json of a run: how much of its folder an MLflow server has. The folder itself is the queue of what is still to be sent.
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { DRAFT } from "../../files.ts";

/** The name of the file in a run folder. */
const FILE = "mlflow.json";

const sentSchema = z.object({
  /** The server's address. */
  server: z.string(),
  /** A tag by which the run is found again where the answer to its creation was lost. */
  tag: z.string(),
  /** Whether its creation was asked for. */
  isAsked: z.boolean(),
  /** The run there; null before it is made. */
  run: z.object({ id: z.string(), experiment: z.string(), artifacts: z.string() }).nullable(),
  /** Milliseconds since 1970 when the run was first tracked: metrics are told at this time plus that of training. */
  begun: z.number(),
  /** Whether parameters and tags are there. */
  isDescribed: z.boolean(),
  /** The last step and the last epoch whose metrics are there. */
  step: z.number(),
  epoch: z.number(),
  /** Of what is sent again when it changes, a hash of what was sent: figures by part, files by path, the registered model. */
  hashes: z.record(z.string(), z.string()),
  status: z.string(),
});

/** What a server has of a run. */
export type Sent = z.infer<typeof sentSchema>;

const nothing = (server: string): Sent => ({
  server,
  tag: randomUUID(),
  isAsked: false,
  run: null,
  begun: Date.now(),
  isDescribed: false,
  step: 0,
  epoch: 0,
  hashes: {},
  status: "RUNNING",
});

/** The server that has something of a run; undefined where none has. */
export const lastServer = (folder: string): string | undefined => read(folder)?.server;

/** What a server has of a run: nothing, where another one had something. */
export function sentTo(folder: string, server: string): Sent {
  const sent = read(folder);
  return sent?.server === server ? sent : nothing(server);
}

function read(folder: string): Sent | undefined {
  const file = join(folder, FILE);
  if (!existsSync(file)) return undefined;
  try {
    return sentSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    // Whatever was sent before is with the run of its tag, which nobody knows any more.
    return undefined;
  }
}

/** Keeps what a server has: whole or not at all, and without holding up what else this process does. */
export async function keepSent(folder: string, sent: Sent): Promise<void> {
  const file = join(folder, FILE);
  const handle = await open(file + DRAFT, "w");
  try {
    await handle.writeFile(`${JSON.stringify(sent, null, 2)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(file + DRAFT, file);
}
