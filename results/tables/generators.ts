// What generators draw and translate, as README.md has it.
import { type Row, records } from "../csv.ts";
import { meanAndDeviation, percent } from "./cells.ts";

/** How long a run was trained, and how long that is where a machine computes 250 GFLOP/s. */
function budget({ minutes, gflops }: Row): string {
  const at250 = (Number(minutes) * Number(gflops)) / 250;
  return `${at250.toFixed(0)} min@250: ${minutes} min at ${gflops} GFLOP/s`;
}

/** What a run that learnt to denoise reaches beside filters that learn nothing. */
export function denoiseLine(): string {
  const runs = records("denoise.csv");
  const learnt = runs.filter(({ seed }) => seed);
  if (learnt.length === 0) return "";
  const { data, noise, pictures } = runs[0]!;
  const filters = runs.filter(({ method }) => method!.includes("gain")).map((run) => `${run.method} ${run.psnr}`);
  const own = learnt.map((run) => `${run.method} ${run.psnr} dB (SSIM ${run.ssim}; seed ${run.seed}, ${budget(run)})`);
  const noisy = runs.find(({ method }) => method === "noisy")!.psnr;
  return `Image to image: normal noise of ${noise} of the range on the first ${pictures} test pictures of ${data}, ${noisy} dB as it is. Filters with the parameter that is best on these very pictures: ${filters.join(", ")} dB. ${own.join("; ")} (\`results/denoise.csv\`).`;
}

/** Whether a generator draws what it is asked for, and of what use that is. */
export const askedLines = (): string =>
  records("acgan.csv")
    .map(
      (run) =>
        `Class to picture: acgan (seed ${run.seed}, ${budget(run)}) on ${run.data}. A classifier trained by itself finds the class that was asked for in ${run.asked} % of ${run.pictures} generated pictures (${run.worst} % of the class where it is least); another one that saw generated pictures alone, for ${run.steps} steps, is right on ${run.trained} % of the real test part (\`results/acgan.csv\`).`,
    )
    .join("\n");

/** Whether pictures that are translated to other classes are of these, and keep their style. */
export const styleLines = (): string =>
  records("style.csv")
    .map(
      (run) =>
        `Class to class without pairs: ${run.model}${run.options ? ` with ${run.options}` : ""} (seed ${run.seed}, ${budget(run)}) on ${run.data}. A classifier trained by itself finds the class that was asked for in ${percent(Number(run.asked))} % of ${run.translations} translations; correlations of slant and of the width of strokes with the source are ${Number(run.slant).toFixed(2)} and ${Number(run.stroke).toFixed(2)} (\`results/style.csv\`).`,
    )
    .join("\n");

/** What other results than accuracies say of a system, in a few words. */
export const IN_SHORT = {
  asked: () =>
    records("acgan.csv").map((run) => `acgan, ${run.data}: ${run.asked} % of pictures are of the class asked for`),
  denoise: () =>
    records("denoise.csv")
      .filter(({ seed }) => seed)
      .map((run) => `${run.method}, noise ${run.noise} on ${run.data}: ${run.psnr} dB`),
  style: () =>
    records("style.csv")
      .filter(({ options }) => !options)
      .map(
        (run) =>
          `${run.model}, ${run.data}: ${percent(Number(run.asked))} % of translations are of the class asked for, slant kept by ${Number(run.slant).toFixed(2)}, width of strokes by ${Number(run.stroke).toFixed(2)}`,
      ),
  added: () => {
    const runs = records("generated.csv");
    const groupOf = ({ data, per_class, steps }: Row) =>
      `${per_class} pictures of each class of ${data}, ${steps} steps`;
    const arms = [...new Set(runs.map((run) => run.arm!))].filter((arm) => arm.startsWith("real + generated"));
    return [...new Set(runs.map(groupOf))].flatMap((group) => {
      const values = (arm: string) =>
        runs.filter((run) => groupOf(run) === group && run.arm === arm).map((run) => Number(run.accuracy));
      const real = meanAndDeviation(values("real"), percent);
      return arms
        .filter((arm) => values(arm).length > 0)
        .map((arm) => `cnn on ${group}: ${real} %, ${arm} ${meanAndDeviation(values(arm), percent)} %`);
    });
  },
} as const;
