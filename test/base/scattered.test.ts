// Some of many are of all kinds, in whatever order the kinds come.
import { describe, expect, it } from "vitest";
import { atEqualDistances, scattered } from "../../src/base/scattered.ts";

/** How many of the chosen are of each of `classes` classes, of which number i is one. */
function countsOf(chosen: Int32Array, classes: number, classOf: (i: number) => number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const i of chosen) counts[classOf(i)]!++;
  return counts;
}

describe("some of many", () => {
  it.each([
    [10, 10],
    [10, 3],
    [1000, 999],
    [5, 0],
    [0, 0],
  ])("of %d, %d are different ones of them, ascending", (n, count) => {
    const chosen = [...scattered(n, count)];
    expect(new Set(chosen).size).toBe(count);
    expect(chosen).toEqual(chosen.filter((i) => i >= 0 && i < n).sort((a, b) => a - b));
  });

  it.each([
    [10_000, 2000],
    [50_000, 2000],
    [10_000, 9000],
    [5000, 1280],
    [9000, 2000],
  ])("of %d, %d are of all classes alike, which come in turn or one after another", (n, count) => {
    for (const classes of [2, 3, 5, 8, 10, 21, 55]) {
      const each = count / classes;
      // Of a hypergeometric distribution; of the 1040 counts in all, a random choice has one beyond four deviations in half of all cases.
      const deviation = Math.sqrt(each * (1 - 1 / classes) * (1 - count / n));
      for (const classOf of [(i: number) => i % classes, (i: number) => Math.floor((i * classes) / n)])
        for (const found of countsOf(scattered(n, count), classes, classOf))
          expect(Math.abs(found - each), `${found} of ${each}, ${classes} classes`).toBeLessThan(4.5 * deviation + 1);
    }
  });

  it("at equal distances are those by which the data of older runs is recognised, and may be of few classes", () => {
    expect([...atEqualDistances(11, 4)]).toEqual([0, 2, 5, 8]);
    expect(countsOf(atEqualDistances(10_000, 2000), 10, (i) => i % 10).filter((count) => count > 0)).toHaveLength(2);
  });
});
