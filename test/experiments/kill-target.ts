// A comparison that is killed, as a power cut would, once the second cell trains.
import { compare } from "../../src/experiments/compare.ts";
import { smallCall } from "./small.ts";

const [data, out] = process.argv.slice(2) as [string, string];
for await (const event of compare(smallCall(data, out)))
  if (event.type === "run" && event.index === 1 && event.event.type === "epoch") process.kill(process.pid, "SIGKILL");
