// The sections of a report as what they are: plain data in, HTML out.
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { labelIssues } from "../../src/metrics/confident-learning.ts";
import { type ReportSection, reportHtml } from "../../src/report/html.ts";
import { judge, mostUncertain, worstMistakes } from "../../src/report/judged.ts";
import { html } from "../../src/report/markup.ts";
import { forPage, gridPng } from "../../src/report/pictures.ts";
import { measured } from "../../src/report/plots.ts";
import { confusionSection, mixUps } from "../../src/report/sections/confusion.ts";
import { labelErrorsSection } from "../../src/report/sections/label-errors.ts";
import { latentMapSection } from "../../src/report/sections/latent-map.ts";
import { mistakesSection, uncertainSection } from "../../src/report/sections/mistakes.ts";
import { noveltySection } from "../../src/report/sections/novelty.ts";
import { advice, type SummaryFacts, summaryHtml } from "../../src/report/sections/summary.ts";
import { Thumbnails } from "../../src/report/thumbnails.ts";

const HOSTILE = `"'</script></style><img src=x onerror=alert(1)>&amp;`;
const shape = { height: 4, width: 4, channels: 1 };

/** Four pictures of three classes: right, a sure mistake, one without a label, and a doubtful mistake. */
const labels = Int32Array.from([0, 1, -1, 2]);
const probabilities = Float64Array.from([0.9, 0.1, 0, 0.95, 0.05, 0, 0.4, 0.35, 0.25, 0.1, 0.5, 0.4]);
const judged = (classes = ["ant", "bee", "cat"], name = (i: number) => `${i}.png`) =>
  judge({ labels, name }, probabilities, classes, "test");
const TABLE = { head: ["class"], rows: [] };
const text = (section: ReportSection) => reportHtml("", "", [], [section]).split("</header>")[1]!;

/** Bytes that do not compress, by a multiplicative generator. */
function noise(length: number): Uint8Array {
  let seed = 1;
  return Uint8Array.from({ length }, () => {
    seed = (seed * 48271) % 2147483647;
    return seed >> 8;
  });
}

describe("what is worth a look", () => {
  it("is the wrong answers whose label is least believed, and the smallest margins, labelled or not", () => {
    expect(worstMistakes(judged(), 10)).toEqual([1, 3]);
    expect(worstMistakes(judged(), 1)).toEqual([1]);
    expect(mostUncertain(judged(), 2)).toEqual([2, 3]);
    expect(mixUps(judged())).toEqual([
      { label: 1, answer: 0, count: 1 },
      { label: 2, answer: 1, count: 1 },
    ]);
  });
});

describe("the confusion matrix", () => {
  it("has a button for each cell that counts any, and its pictures behind it", () => {
    const thumbnails = new Thumbnails(shape);
    const page = text(confusionSection(judged(), thumbnails, TABLE));
    const buttons = [...page.matchAll(/<button[^>]*popovertarget="(cell-[^"]*)" aria-label="([^"]*)"/g)].map((b) =>
      b.slice(1),
    );
    expect(buttons).toEqual([
      ["cell-0-0", "1 of ant taken for ant"],
      ["cell-1-0", "1 of bee taken for ant"],
      ["cell-2-1", "1 of cat taken for bee"],
    ]);
    for (const [id] of buttons) expect(page).toContain(`<div popover id="${id}"`);
    expect(page).toContain('aria-label="1.png: labelled bee, answer ant at 95 %"');
    expect(thumbnails.index).toEqual([0, 1, 3]);
  });

  it("of many classes is a list of what is mixed up, and shows no more pictures than the page can hold", () => {
    const k = 40;
    const n = 4000;
    const many = Array.from({ length: k }, (_, c) => `class ${c}`);
    const p = new Float64Array(n * k);
    for (let i = 0; i < n; i++) p[i * k + ((i * 7) % k)] = 1;
    const wrong = judge({ labels: Int32Array.from({ length: n }, (_, i) => i % k) }, p, many, "test");
    const thumbnails = new Thumbnails({ height: 64, width: 64, channels: 3 });
    const page = text(confusionSection(wrong, thumbnails, TABLE));
    expect(page.match(/popovertarget="cell-\d+-\d+" aria-label/g)!.length).toBeLessThanOrEqual(40);
    expect(thumbnails.left).toBeGreaterThanOrEqual(0);
    // Even: no cell has twelve more than another.
    const shown = page
      .split("<div popover")
      .slice(1)
      .map((box) => box.split('class="shot"').length - 1);
    expect(Math.max(...shown) - Math.min(...shown)).toBeLessThanOrEqual(1);
  });
});

describe("names of classes and pictures", () => {
  it("are shown as they are by every section", () => {
    const classes = [HOSTILE, `${HOSTILE}2`, "cat"];
    const own = judged(classes, () => HOSTILE);
    const thumbnails = new Thumbnails(shape);
    const map = {
      ...{ of: "features", size: 3, index: [0, 1], labels: [0, -1], x: [0, 1], y: [2, 3] },
      variance: [0.5, 0.25] as const,
      classes: [{ name: HOSTILE, n: 1, nearest: HOSTILE, purity: 1 }],
    };
    const strip = { i: 1, strip: { data: Buffer.from("png"), type: "image/png" as const }, valid: true };
    const intervals = { auroc: [0.5, 1] as const };
    const page = reportHtml(
      HOSTILE,
      HOSTILE,
      [[HOSTILE, HOSTILE]],
      [
        confusionSection(own, thumbnails, { head: [HOSTILE], rows: [[HOSTILE]] }),
        mistakesSection(own, thumbnails, [1, 3], [strip]),
        uncertainSection(own, thumbnails, [0, 2]),
        labelErrorsSection(own, thumbnails, labelIssues(probabilities, labels, 3)),
        noveltySection(0.1, 0.01, [{ source: HOSTILE, n: 1, alarms: 1, auroc: 1, intervals, scores: [2] }], []),
        latentMapSection(map, classes, thumbnails),
      ],
      { summary: summaryHtml({ ...FACTS, trained: { ...FACTS.trained, data: HOSTILE }, commands: [HOSTILE] }) },
    );
    expect(page).not.toMatch(/<img src=x|<\/script|<script/);
    expect(page.match(/<\/style/g)).toHaveLength(1);
    // No attribute ends early: what follows a quote inside a name is never outside one.
    expect(page).not.toMatch(/="[^"]*"'/);
    expect(page).toContain("default-src 'none'");
  });

  it("are escaped by the template alone, once", () => {
    expect(html`<b title="${'"'}">${"<&>"}${html`<i>${1}</i>`}${undefined}${[html`a`, html`b`]}</b>`.text).toBe(
      '<b title="&#34;">&#60;&#38;&#62;<i>1</i>ab</b>',
    );
  });
});

describe("the single pictures of a page", () => {
  it("lie on one sheet, each where its place says", async () => {
    const thumbnails = new Thumbnails(shape);
    // More than a row of the sheet.
    const places = Array.from({ length: 45 }, (_, i) => thumbnails.shot(3 * i, "")!.text.match(/--x:(\d+);--y:(\d+)/)!);
    expect(thumbnails.shot(3, "again")!.text).toContain("--x:1;--y:0");
    const pixels = Uint8Array.from({ length: 45 * 16 }, (_, i) => (i * 37) % 256);
    const style = await thumbnails.style(pixels);
    const png = Buffer.from(style.match(/base64,([^)]*)/)![1]!, "base64");
    const { data, info } = await sharp(png).extractChannel(0).raw().toBuffer({ resolveWithObject: true });
    places.forEach(([, x, y], i) => {
      const shown = Array.from({ length: 16 }, (_, at) => {
        const [row, column] = [Number(y) * 4 + Math.floor(at / 4), Number(x) * 4 + (at % 4)];
        return data[row * info.width + column];
      });
      expect(shown).toEqual([...pixels.subarray(i * 16, (i + 1) * 16)]);
    });
  });

  it.each([
    { height: 28, width: 28, channels: 1 },
    { height: 32, width: 32, channels: 3 },
  ])("are as many as a page of under 5 MB can hold, even of noise: $height by $width", async (of) => {
    const thumbnails = new Thumbnails(of);
    for (let i = 0; i < 3000; i++) thumbnails.shot(i, "");
    expect(thumbnails.left).toBe(0);
    expect(thumbnails.shot(5000, "")).toBeUndefined();
    const pixels = noise(thumbnails.most * of.height * of.width * of.channels);
    expect((await thumbnails.style(pixels)).length).toBeLessThan(4e6);
  });
});

describe("a sheet inside a page", () => {
  it("is as it is where it is small, and smaller with losses where it is large", async () => {
    const pixels = noise(12 * 224 * 224 * 3);
    const small = await gridPng(pixels.subarray(0, 2 * 28 * 28 * 3), { height: 28, width: 28, channels: 3 }, 2);
    expect(await forPage(small)).toEqual({ data: small, type: "image/png" });
    const large = await gridPng(pixels, { height: 224, width: 224, channels: 3 }, 10);
    const { data, type } = await forPage(large);
    const { width, height } = await sharp(data).metadata();
    expect([type, width, height]).toEqual(["image/webp", 1200, Math.round((451 / 2251) * 1200)]);
    expect(data.length).toBeLessThan(large.length / 2);
  });
});

const FACTS: SummaryFacts = {
  trained: {
    ...{ model: "vae", title: "a classifier", data: "digits", height: 28, width: 28, channels: 1, classes: 10 },
    examples: { labelled: 54_000, unlabelled: 0 },
    length: { epochs: 12, steps: 5000, seconds: 300 },
  },
  split: "test",
  n: 10_000,
  answers: {
    ...{ accuracy: 0.9847, interval: [0.9821, 0.9869], majority: 0.1135, labelled: 10_000 },
    weakest: { name: "9", recall: 0.97, n: 1009 },
    mixUp: { label: "7", answer: "2", count: 10 },
    ...{ confidence: 0.983, ece: 0.0039, sure: { share: 0.93, right: 0.9986 }, labelIssues: 0 },
  },
  numbers: [],
  novelty: {
    ...{ known: 0.0103, falseAlarms: 0.01 },
    unlike: [{ source: "noise", n: 200, alarms: 1, auroc: 1, intervals: { auroc: [0.99, 1] }, scores: [] }],
  },
  isTrainedOn: false,
  alarms: 0,
  stillImproving: false,
  commands: ["genclass classify runs/first photo.jpg"],
};

describe("the summary", () => {
  const words = (facts: SummaryFacts) => summaryHtml(facts).text.replace(/<[^>]*>/g, "");

  it("says what was trained on what, how good and how sure it is, and what it makes of unlike pictures", () => {
    const told = words(FACTS);
    for (const part of [
      "vae (a classifier), trained on digits: 54,000 labelled grey pictures of 28 by 28 pixels in 10 classes, in 12 epochs (5,000 steps, 5 minutes).",
      "98.47 % of 10,000 test pictures are answered right; with 95 % confidence it is 98.21 % to 98.69 % of such pictures.",
      "The most frequent mistake is 7 taken for 2 (10 times).",
      "as often right as it says",
      "An alarm is raised by 100.0 % of 200 noise, and by 1.0 % of the evaluated pictures",
    ])
      expect(told).toContain(part);
  });

  it("says that probabilities are too large only where they are", () => {
    const sure = (confidence: number) => words({ ...FACTS, answers: { ...FACTS.answers!, confidence } });
    expect(sure(0.995)).toContain("surer than it should be");
    expect(sure(0.95)).toContain("less sure than it could be");
    // Of few pictures, the accuracy itself is not known better than that.
    const few = { ...FACTS.answers!, accuracy: 0.8, labelled: 200, interval: [0.74, 0.85] as const };
    const ofFew = (confidence: number) => words({ ...FACTS, answers: { ...few, confidence } });
    expect(ofFew(0.83)).toContain("as often right as it says");
    expect(ofFew(0.87)).toContain("surer than it should be");
  });

  it("advises what the numbers suggest, and nothing where all is well", () => {
    expect(advice(FACTS)).toEqual([]);
    const { answers, trained } = FACTS;
    // What is solved at once has no steps, and is not to be trained longer.
    const solved = { ...trained, length: { epochs: 2, seconds: 40 } };
    expect(advice({ ...FACTS, stillImproving: true, trained: solved })).toEqual([]);
    expect(advice({ ...FACTS, stillImproving: true })).toEqual([expect.stringContaining("longer may help")]);
    const doubtful: SummaryFacts = {
      ...FACTS,
      ...{ split: "validation", n: 200, alarms: 2, stillImproving: true },
      answers: {
        ...answers!,
        ...{ accuracy: 0.8, labelled: 200, interval: [0.74, 0.85] as const, ece: 0.2, labelIssues: 1 },
        weakest: { name: "9", recall: 0.2, n: 20 },
      },
    };
    const first = (facts: SummaryFacts) => advice(facts).map((line) => line.split(/[:,;]/)[0]);
    expect(first(doubtful)).toEqual([
      "Look at the alarms of training first",
      "Training longer may help",
      "Keep a test part",
      "Test on more pictures",
      "Add training pictures of 9",
      "Do not take the probabilities at their word",
      "Look at the 1 probable label error",
    ]);
    // A model that has hardly begun says nothing of classes and labels.
    const short = { ...doubtful, trained: { ...trained, length: { epochs: 1, steps: 80, seconds: 3 } } };
    expect(first(short)).toEqual([
      "Look at the alarms of training first",
      "Train longer",
      "Keep a test part",
      "Test on more pictures",
      "Do not take the probabilities at their word",
    ]);
  });

  it("of pictures that it was trained on says so in place of an interval, and asks for others", () => {
    const facts = { ...FACTS, split: "train", isTrainedOn: true };
    expect(words(facts)).toContain("trained on them: these numbers tell nothing of new pictures.");
    expect(words(facts)).not.toContain("95 % confidence");
    expect(advice(facts)).toEqual(["Evaluate on pictures that it was not trained on, as those of a test part."]);
  });

  it("counts pictures with a label where it says how uncertain the accuracy is", () => {
    const [line] = advice({ ...FACTS, answers: { ...FACTS.answers!, labelled: 50 } });
    expect(line).toMatch(/^Test on more pictures: with 50, the accuracy is uncertain/);
  });

  it("says that longer may be better where the last epoch is the best", () => {
    expect(advice({ ...FACTS, stillImproving: true })).toEqual([
      "Training longer may help: the best checkpoint is that of the last epoch.",
    ]);
  });

  it("of a model that does not classify tells its numbers, and why novelty is not told", () => {
    const told = words({
      ...FACTS,
      answers: undefined,
      numbers: ["PSNR 20 dB"],
      novelty: { lacking: "it has no heads" },
    });
    expect(told).toContain("On 10,000 test pictures: PSNR 20 dB.");
    expect(told).toContain("Not told: it has no heads.");
    expect(told).not.toContain("How sure");
  });
});

describe("a chart of several series", () => {
  const marksOf = (names: readonly string[]) => {
    const series = names.map((name, i) => ({ name, points: [{ x: 1 + i, y: i }] }));
    const svg = measured("chart", series, { xName: "x", yName: "y" });
    return { svg, marks: [...svg.matchAll(/fill="(#\w+)">([●■▲◆])</g)].map(([, colour, mark]) => `${colour}${mark}`) };
  };

  it("has a colour and a shape of its own for each, of as many as there are pairs of them", () => {
    const { marks } = marksOf(Array.from({ length: 32 }, (_, i) => `series ${i}`));
    expect(marks).toHaveLength(32);
    expect(new Set(marks).size).toBe(32);
  });

  it("tells names apart that differ at their ends", () => {
    const { svg } = marksOf(["cnn:hidden=12:augment=none,rotate=3", "cnn:hidden=12:augment=none,rotate=5"]);
    for (const end of ["rotate=3", "rotate=5"]) expect(svg).toContain(`${end}<`);
  });
});
