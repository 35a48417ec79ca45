// A run that is judged by a network that was trained by itself: how the scripts that do so are called.
import { type Backend, load, nativeBackend, open, RunFolder } from "../src/node.ts";

/**
 * Opens what `npx tsx results/SCRIPT.ts RUN JUDGE [PICTURES …]` names.
 * @param script its name
 * @param usual how many test pictures are looked at where the call does not say
 */
export async function openJudged(script: string, usual: number, backend: Backend = nativeBackend()) {
  const [path, judgePath, count = String(usual), ...more] = process.argv.slice(2);
  if (!path || !judgePath) throw new Error(`npx tsx results/${script}.ts RUN JUDGE [PICTURES …]`);
  const run = RunFolder.open(path);
  const { source, location } = run.config.data;
  const data = await open(location ?? source, { seed: run.config.seed });
  return {
    run,
    data,
    model: await load(path, { backend }),
    judge: await load(judgePath, { backend }),
    /** Test pictures that are looked at. */
    n: Math.min(Number(count), data.test!.labels.length),
    more,
  };
}
