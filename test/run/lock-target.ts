// A process that wants a run folder at a moment, with others: it says whether it has it, and keeps it for a while.
import { RunLock } from "../../src/run/lock.ts";

const [folder, moment] = process.argv.slice(2);
while (Date.now() < Number(moment));
try {
  RunLock.acquire(folder!);
  process.stdout.write("has it\n");
} catch (cause) {
  process.stdout.write(`${(cause as { code?: string }).code}\n`);
}
setTimeout(() => {}, 1000);
