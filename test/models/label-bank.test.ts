// The bank of guessed labels where the data is not as it should be: its refresh is asked with codes and answers that are made up.
import { describe, expect, it } from "vitest";
import { LEARNT } from "../../src/models/graph-space.ts";
import { type BankOptions, bankTables, refreshBank } from "../../src/models/label-bank.ts";
import { Random } from "../../src/random/random.ts";

/** Points `[n, 8]` around a place, with a standard deviation in each direction. */
function cloud(n: number, place: number, deviation = 1): number[][] {
  const random = new Random(place, `cloud ${n}`);
  const noise = new Float32Array(8 * n);
  random.fillNormal(noise);
  // Places are 12 apart, each in a direction of its own.
  return Array.from({ length: n }, (_, i) =>
    Array.from({ length: 8 }, (_, d) => (d === place ? 12 : 0) + deviation * noise[8 * i + d]!),
  );
}

/** Points halfway between those around two places. */
const between = (a: number, b: number, n: number): number[][] => {
  const other = cloud(n, b);
  return cloud(n, a).map((code, i) => code.map((value, d) => (value + other[i]![d]!) / 2));
};

/** A picture's class as it is, whether its label is known, and its code. */
interface Example {
  readonly truth: number;
  readonly known: boolean;
  readonly code: readonly number[];
}
const examples = (truth: number, codes: readonly (readonly number[])[], labels: number): Example[] =>
  codes.map((code, i) => ({ truth, known: i < labels, code }));

/**
 * Fills a bank of `k` classes.
 * @param sure the classes that the teacher answers, later; absent: before the first step
 * @param options of the bank
 * @param before the bank as it is then. Default: empty
 * @param usedUnchecked of the first graph. Default true
 * @param logit of the class that the teacher answers, of each picture; of others it is 0. Default 20
 */
async function fill(
  all: readonly Example[],
  k: number,
  sure?: Int32Array,
  options: BankOptions = {},
  before: Readonly<Record<string, Float32Array>> = {},
  usedUnchecked = true,
  logit: (i: number) => number = () => 20,
) {
  const notes: string[] = [];
  const tables = Object.fromEntries(
    Object.entries(bankTables(k)).map(([name, { shape }]) => [
      name,
      before[name] ?? new Float32Array(all.length * (shape[0] ?? 1)),
    ]),
  );
  const codes = Float32Array.from(all.flatMap(({ code }) => [...code]));
  const logits = Float32Array.from({ length: all.length * k }, (_, i) =>
    sure?.[Math.floor(i / k)] === i % k ? logit(Math.floor(i / k)) : 0,
  );
  await refreshBank({ head: "code", space: LEARNT, usedUnchecked, heads: {} }, names(k), options).run({
    labels: Int32Array.from(all, ({ truth, known }) => (known ? truth : -1)),
    usable: Int32Array.from(all.keys()),
    ...{ tables, progress: sure ? 0.5 : 0, seed: 1 },
    predict: async (head) => (head === "classify" ? logits : codes),
    note: (text) => void notes.push(text),
  });
  const rows = all.map((example, i) => ({
    ...example,
    guess: tables.guess!.subarray(i * k, (i + 1) * k).indexOf(1),
    trusted: tables.trust![i] === 1,
  }));
  return { notes, rows, tables, unknown: rows.filter(({ known }) => !known) };
}
/** Classes "a", "b", … */
const names = (k: number) => Array.from({ length: k }, (_, c) => String.fromCharCode(97 + c));
type Row = Awaited<ReturnType<typeof fill>>["rows"][number];
const share = (rows: readonly Row[], is: (row: Row) => boolean) => rows.filter(is).length / rows.length;
const FOREIGN = /belongs to no class/;
/** The share of each class's guesses that the bank begins with: all but the twentieth of least margin. */
const SUREST = 0.95;

describe("a bank of guessed labels", () => {
  const three = [0, 1, 2].flatMap((c) => examples(c, cloud(200, c), 30));

  it("of classes apart is right, and tells of nothing foreign", async () => {
    const { notes, unknown } = await fill(three, 3);
    expect(notes).toEqual([expect.stringMatching(/^labels are spread .*: 100.0 % of hidden labels come back/)]);
    expect(share(unknown, ({ guess, truth }) => guess === truth)).toBe(1);
    expect(share(unknown, ({ trusted }) => trusted)).toBe(162 / 170); // 8.5 are a twentieth
  });

  it("does not begin with what lies between two classes, a twentieth of the guesses of each", async () => {
    const middle = [0, 1].flatMap((c) => examples(c, between(0, 1, 2), 0));
    const { unknown } = await fill([...three, ...middle], 3);
    expect(share(unknown.slice(-4), ({ trusted }) => trusted)).toBe(0);
    expect(share(unknown.slice(0, -4), ({ trusted }) => trusted)).toBeGreaterThan(SUREST);
  });

  it.each([
    ["a crowd denser than the classes", cloud(150, 5, 0.5)],
    ["a crowd as dense as the classes", cloud(150, 5)],
  ])("tells that a fifth is foreign, which is %s", async (_, codes) => {
    const { notes, unknown } = await fill([...three, ...examples(-1, codes, 0)], 3);
    // 150 of 660 without a label; chance has 1 - 0.00005^(1/90) of them.
    const [, told] = /belongs to no class: ([\d.]+) %.*up to 10\.4 %/.exec(notes[0]!)!;
    expect(Math.abs(Number(told) - 22.7)).toBeLessThan(2);
    const own = unknown.filter(({ truth }) => truth >= 0);
    expect(share(own, ({ guess, truth }) => guess === truth)).toBe(1);
    // They have no part in what the classifier learns.
    const foreign = unknown.filter(({ truth }) => truth < 0);
    expect(share(foreign, ({ trusted }) => trusted)).toBeLessThan(0.05);
    expect(share(own, ({ trusted }) => trusted)).toBeGreaterThan(SUREST - 0.05);
  });

  it("has no guess for a class without a labelled picture, whose pictures count as foreign", async () => {
    const all = three.map((one) => ({ ...one, known: one.known && one.truth !== 2 }));
    const { notes, rows } = await fill(all, 3);
    expect(notes[0]).toMatch(FOREIGN);
    expect(share(rows, ({ guess, trusted }) => trusted && guess === 2)).toBe(0);
    const own = rows.filter(({ truth }) => truth !== 2);
    expect(share(own, ({ guess, truth }) => guess === truth)).toBe(1);
  });

  it("keeps a class of which there are fifty times fewer, and does not take it for foreign", async () => {
    const rare = [...examples(0, cloud(1000, 0), 50), ...examples(1, cloud(20, 1), 4)];
    for (const sure of [undefined, Int32Array.from(rare, ({ truth }) => truth)]) {
      const { notes, unknown } = await fill(rare, 2, sure);
      expect(notes.join()).not.toMatch(FOREIGN);
      const few = unknown.filter(({ truth }) => truth === 1);
      expect(share(few, ({ guess }) => guess === 1)).toBe(1);
      expect(share(few, ({ trusted }) => trusted)).toBeGreaterThan(0.5);
    }
  });

  it.each([0, 1])(
    "of labels of one class, the one with number %i, spreads none, also where the teacher is sure",
    async (c) => {
      const one = [...examples(c, cloud(100, 1), 20), ...examples(c, cloud(100, 2), 0)];
      const { notes, unknown } = await fill(one, 2);
      expect(notes.at(-1)).toBe("labels are not spread over a graph of pictures: all are of one class");
      expect(share(unknown, ({ trusted }) => trusted)).toBe(0);
      expect(share((await fill(one, 2, new Int32Array(200).fill(c))).unknown, ({ trusted }) => trusted)).toBe(0);
    },
  );

  it("has no guess for a crowd that no label reaches, whatever the teacher says", async () => {
    // Far away, and more than there are neighbours: the graph has no edge to them.
    const crowd = cloud(60, 5, 0.01).map((code) => code.map((value) => value + 1000));
    const all = [...[0, 1].flatMap((c) => examples(c, cloud(200, c), 20)), ...examples(-1, crowd, 0)];
    const { tables, unknown } = await fill(all, 2);
    const sure = await fill(
      all,
      2,
      Int32Array.from(all, ({ truth }) => Math.max(0, truth)),
      {},
      tables,
    );
    for (const [rows, used] of [
      [unknown, SUREST],
      [sure.unknown, 1],
    ] as const) {
      expect(share(rows.slice(-60), ({ trusted }) => trusted)).toBe(0);
      expect(share(rows.slice(0, -60), ({ trusted }) => trusted)).toBe(used);
    }
  });

  it("changes a guess where teacher and graph agree on another, and uses one on as long as either says it", async () => {
    // Two classes by codes of which the second half is guessed to be of the other one; what is not sure has two probabilities alike.
    const all = [0, 1].flatMap((c) => examples(c, cloud(200, c), 20));
    const { tables, rows } = await fill(all, 2);
    const others = rows.map(({ truth, known }, i) => ({ isWrong: !known && i % 2 === 1, other: 1 - truth }));
    for (const [i, { isWrong, other }] of others.entries())
      if (isWrong) tables.guess!.set(other === 0 ? [1, 0] : [0, 1], 2 * i);
    const bank = () => ({ ...tables, guess: tables.guess!.slice() });
    // The graph says the truth. So does the teacher: all is mended.
    const mended = await fill(
      all,
      2,
      Int32Array.from(all, ({ truth }) => truth),
      {},
      bank(),
    );
    expect(share(mended.unknown, ({ guess, truth, trusted }) => guess === truth && trusted)).toBe(1);
    // The teacher says the other class: what is wrong stays, as the teacher says it, and the rest, as the graph does.
    const split = await fill(
      all,
      2,
      Int32Array.from(all, ({ truth }) => 1 - truth),
      {},
      bank(),
    );
    // But for what was not begun with, of which neither is known to be right.
    expect(share(split.unknown, ({ trusted }) => trusted)).toBe(SUREST);
    expect(split.rows.filter(({ guess, truth }) => guess !== truth).length).toBe(
      others.filter(({ isWrong }) => isWrong).length,
    );
  });

  it("uses no longer what neither says, and not what was not used where they do not agree", async () => {
    const apart = [0, 1, 2].flatMap((c) => examples(c, cloud(100, c), 20));
    const { tables } = await fill(apart, 3);
    const teacher = Int32Array.from(apart, ({ truth }) => (truth + 1) % 3);
    // Guessed to be of the third class, where the graph says the first one and the teacher the second one.
    const guess = tables.guess!.slice();
    for (const [i, { truth, known }] of apart.entries())
      if (!known) for (let c = 0; c < 3; c++) guess[3 * i + c] = Number(c === (truth + 2) % 3);
    const dropped = await fill(apart, 3, teacher, {}, { ...tables, guess });
    expect(share(dropped.unknown, ({ trusted }) => trusted)).toBe(0);
    const unused = await fill(apart, 3, teacher, {}, { ...tables, first: new Float32Array(300) });
    expect(share(unused.unknown, ({ trusted }) => trusted)).toBe(0);
  });

  it("tells of which classes there are hardly any guesses, unless labels are as rare", async () => {
    const later = async (labelled: readonly [number, number], others: readonly [number, number]) => {
      const two = ([0, 1] as const).flatMap((c) => examples(c, cloud(labelled[c] + others[c], c), labelled[c]));
      const { tables } = await fill(two, 2);
      const { notes } = await fill(
        two,
        2,
        Int32Array.from(two, ({ truth }) => truth),
        {},
        tables,
      );
      return notes;
    };
    expect(await later([20, 20], [180, 10])).toEqual([
      'guessed labels: 100.0 % are used; hardly any are of "b" (5.3 %): if there should be more, label more of them',
    ]);
    // A fifth of what would be usual: 1 of 10 where labels are as many of each class, 1 of 55 where one of eleven is of this one.
    expect(await later([20, 20], [180, 20])).toEqual(["guessed labels: 100.0 % are used"]);
    expect(await later([20, 2], [180, 10])).toEqual(["guessed labels: 100.0 % are used"]);
    // Where a class would have no more than 8 guesses, that it has none says nothing.
    expect(await later([20, 20], [15, 0])).toEqual(["guessed labels: 100.0 % are used"]);
    // Where guesses are kept, it is told when they are made.
    const kept = [0, 1].flatMap((c) => examples(c, cloud([200, 30][c]!, c), 20));
    const { notes } = await fill(kept, 2, undefined, { keepsFirst: true });
    expect(notes.at(-1)).toMatch(/^guessed labels: 100.0 % are used; hardly any are of "b" \(5\.3 %\)/);
  });

  it("that no graph began uses as large a share of each class, of the surest, as is sure of all; and what is sure", async () => {
    // The teacher is right; of one class it is sure of 100 pictures without a label, of the other of none.
    const two = [0, 1].flatMap((c) => examples(c, cloud(110, c), 10));
    const logit = (i: number) => (i < 110 ? 20 : (2 * i) / 220);
    const { unknown } = await fill(
      two,
      2,
      Int32Array.from(two, ({ truth }) => truth),
      {},
      { first: new Float32Array(220) },
      true,
      logit,
    );
    expect(share(unknown.slice(0, 100), ({ trusted }) => trusted)).toBe(1);
    // Half of all are sure, so half of the other class are used: those of the largest logits.
    expect(unknown.slice(100).map(({ trusted }) => trusted)).toEqual(Array.from({ length: 100 }, (_, i) => i >= 50));
    // Where nothing is sure, nothing is used.
    const unsure = await fill(
      two,
      2,
      Int32Array.from(two, ({ truth }) => truth),
      {},
      { first: new Float32Array(220) },
      true,
      () => 1,
    );
    expect(share(unsure.unknown, ({ trusted }) => trusted)).toBe(0);
  });

  it("of one label a class says that it could not be checked, and is begun where its graph is used unchecked", async () => {
    const two = [0, 1].flatMap((c) => examples(c, cloud(200, c), 1));
    const { notes, unknown } = await fill(two, 2);
    expect(notes).toEqual([expect.stringMatching(/^labels are spread .*too few labels to check it/)]);
    expect(share(unknown, ({ guess, truth }) => guess === truth)).toBe(1);
    // Of 199 guesses a class, 9 are not begun with.
    expect(share(unknown, ({ trusted }) => trusted)).toBeCloseTo(190 / 199, 12);
    const not = await fill(two, 2, undefined, {}, {}, false);
    expect(not.notes).toEqual([
      expect.stringMatching(/^labels are not spread .*too few labels to check it, and of colour/),
    ]);
    expect(share(not.unknown, ({ trusted }) => trusted)).toBe(0);
  });

  it("of codes that stay as they are uses every guess, to the end, whatever the teacher says", async () => {
    const wrong = Int32Array.from(three, ({ truth }) => (truth + 1) % 3);
    const first = await fill(three, 3, undefined, { keepsFirst: true });
    const later = await fill(three, 3, wrong, { keepsFirst: true }, first.tables);
    for (const { unknown } of [first, later])
      expect(share(unknown, ({ trusted, guess, truth }) => trusted && guess === truth)).toBe(1);
    // Also where some pictures belong to no class, which never get a guess.
    const foreign = [...three, ...examples(-1, cloud(150, 5), 0)];
    const begun = await fill(foreign, 3, undefined, { keepsFirst: true });
    const ended = await fill(foreign, 3, new Int32Array(foreign.length), { keepsFirst: true }, begun.tables);
    expect(ended.rows).toEqual(begun.rows);
    expect(share(ended.unknown.slice(-150), ({ trusted }) => trusted)).toBeLessThan(0.05);
    // Codes that say nothing leave it to the teacher, where a graph of its features agrees.
    const mixed = three.map((one, i) => ({ ...one, truth: i % 3 }));
    const none = await fill(mixed, 3, undefined, { keepsFirst: true });
    expect(share(none.unknown, ({ trusted }) => trusted)).toBe(0);
    const taught = await fill(
      three,
      3,
      Int32Array.from(three, ({ truth }) => truth),
      { keepsFirst: true },
      none.tables,
    );
    expect(share(taught.unknown, ({ trusted, guess, truth }) => trusted && guess === truth)).toBeGreaterThan(0.8);
  });
});
