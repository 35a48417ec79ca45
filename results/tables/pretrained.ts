// What models on a pretrained network are: how fast their features are, and how well they tell other pictures.

import { records } from "../csv.ts";
import { table } from "./cells.ts";
import { json } from "./json.ts";

/** How fast features of a frozen network are, and how well they tell other pictures. */
export function pretrainedLines(): string {
  const features = json<{ pictures: number; cores: number; ours: number; bare: number; ratio: number; again: number }>(
    "features.json",
  );
  const novel = records("novelty.csv").filter(({ own }) => own?.startsWith("caltech"));
  return [
    ...(features
      ? [
          `Features of ${features.pictures} photographs on EfficientNet-Lite0 (cores: ${features.cores}): ${features.ours.toFixed(1)} a second, bare parallel decoding and bare onnxruntime in the same run ${features.bare.toFixed(1)}: ratio ${features.ratio.toFixed(2)}. A second run has them after ${features.again.toFixed(2)} s (\`bench/features.ts\`, \`results/features.json\`).`,
        ]
      : []),
    ...(novel.length > 0
      ? [
          "",
          "Novelty is what a run has stored. `caltech8` is caltech10 without its classes ketch and watch; the pictures of CIFAR-10 are the first of its test part, as files (`results/novelty.ts`).",
          "",
          table(
            ["model", "known", "other pictures", "how many", "AUROC of novelty"],
            novel.map((run) => [run.model!, run.own!, run.novel!, run.pictures!, run.auroc!]),
          ),
        ]
      : []),
    ...leftOutLines(),
  ].join("\n");
}

/** How well novelty tells photographs of two classes that no model of the network's features was trained on. */
export function unseenLine(): string {
  const found = records("novelty.csv")
    .filter(({ own, novel }) => own === "caltech8" && novel === "ketch-and-watch")
    .map(({ model, auroc }) => `${Number(auroc).toFixed(4)} (\`${model}\`)`);
  return `Above that network novelty tells photographs of two classes that training never saw: AUROC ${found.join(" and ")} (\`results/novelty.csv\`).`;
}

/** How well novelty tells pairs of classes that a seed has left out of training. */
function leftOutLines(): string[] {
  const runs = records("left-out.csv");
  const models = [...new Set(runs.map(({ model }) => model!))];
  return models.flatMap((model) => {
    const own = runs.filter((run) => run.model === model);
    const pairs = own.map((run) => `${run.left_out!.replaceAll("-and-", " and ")} ${run.auroc}`);
    const of = (name: string) => own.map((run) => Number(run[name]));
    const mean = of("auroc").reduce((a, b) => a + b, 0) / own.length;
    const alarms = of("own_alarms").reduce((a, b) => a + b, 0) / own.length;
    return [
      "",
      `${model} without a pair of the classes of ${own[0]!.data}, which a seed draws: AUROC ${mean.toFixed(4)} on average (${pairs.join(", ")}); ${(100 * alarms).toFixed(2)} % alarms among known test pictures (\`results/left-out.ts\`).`,
    ];
  });
}
