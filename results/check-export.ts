// Compares an exported file under bare onnxruntime with the run itself on the whole test part:
//   npx tsx results/check-export.ts RUN [SOURCE]
// Prints how many labels agree and the largest difference of a probability; ends with 1 unless all agree to 1e-4.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { exportHead, gather, load, nativeBackend, open, RunFolder, VERSION } from "../src/node.ts";

const [path, source] = process.argv.slice(2) as [string, string | undefined];
const { config } = RunFolder.open(path);
const { test } = await open(source ?? config.data.source, { validation: config.data.validation, seed: config.seed });
const model = await load(path);
const folder = mkdtempSync(join(tmpdir(), "genclass-check-"));
writeFileSync(join(folder, "model.onnx"), (await exportHead(model, nativeBackend(), VERSION, "classify")).bytes);
const pixels = await gather(test!);
writeFileSync(join(folder, "pixels.bin"), pixels);
const script = fileURLToPath(new URL("../examples/run-onnx.mjs", import.meta.url));
const bare = JSON.parse(
  execFileSync(process.execPath, [script, join(folder, "model.onnx"), join(folder, "pixels.bin")], {
    encoding: "utf8",
    maxBuffer: 2 ** 30,
  }),
) as { label: number; probabilities: number[] }[];
const own = await model.classify(pixels);
let same = 0;
let worst = 0;
own.forEach((prediction, i) => {
  same += Number(config.data.classes[bare[i]!.label] === prediction.label);
  config.data.classes.forEach((name, k) => {
    worst = Math.max(worst, Math.abs(prediction.probabilities[name]! - bare[i]!.probabilities[k]!));
  });
});
rmSync(folder, { recursive: true });
process.stdout.write(
  `${same} of ${own.length} labels agree; largest difference of a probability ${worst.toExponential(2)}\n`,
);
process.exitCode = same === own.length && worst < 1e-4 ? 0 : 1;
