// The command line, called many times in one process: most tests ask what it answers, and a process of its own for each call would
// load the program each time. Calls come as lines of a named pipe, and answers go to another: tests wait for them. After the last
// call it ends as a command does, by itself: a timer or worker that a command left keeps it, and a late failure is its own.
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [main, calls, answers] = process.argv.slice(2) as [string, string, string];
const [from, to] = [openSync(calls, "r"), openSync(answers, "w")];

/** Of the stream, what is written from now on. */
function kept(stream: NodeJS.WriteStream): () => string {
  let text = "";
  stream.write = ((chunk: string | Uint8Array, ...more: unknown[]) => {
    text += Buffer.from(chunk as string).toString("utf8");
    const done = more.at(-1);
    if (typeof done === "function") queueMicrotask(() => done());
    return true;
  }) as typeof stream.write;
  return () => text;
}

/** The next line; undefined where there will be none. */
function nextLine(): string | undefined {
  const parts: Buffer[] = [];
  for (;;) {
    const bytes = Buffer.alloc(2 ** 16);
    const count = readSync(from, bytes);
    if (count === 0) return undefined;
    parts.push(bytes.subarray(0, count));
    if (bytes[count - 1] === 10) return Buffer.concat(parts).toString("utf8");
  }
}

for (let call = 1; ; call++) {
  const line = nextLine();
  if (line === undefined) break;
  const { folder, words } = JSON.parse(line) as { folder: string; words: string[] };
  process.chdir(folder);
  process.argv = [process.execPath, main, ...words];
  process.exitCode = undefined;
  const [out, err] = [kept(process.stdout), kept(process.stderr)];
  // Under another name the program's first module runs again; what it imports is loaded once.
  await import(`${pathToFileURL(main).href}?call=${call}`);
  for (const stream of [process.stdout, process.stderr]) stream.removeAllListeners("error");
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
    if (process.listenerCount(signal) > 0) throw new Error(`genclass ${words.join(" ")} still listens to ${signal}`);
  writeSync(to, `${JSON.stringify({ code: process.exitCode, out: out(), err: err() })}\n`);
}

for (const pipe of [from, to]) closeSync(pipe);
// The last call's is no failure of this process.
process.exitCode = undefined;
