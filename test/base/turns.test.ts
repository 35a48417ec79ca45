import { describe, expect, it } from "vitest";
import { Turns } from "../../src/base/turns.ts";

/** Work that ends when it is told to, and a diary of it. */
function works(turns: Turns, count: number) {
  const begun: number[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const results = Array.from({ length: count }, (_, i) =>
    turns.take(
      () =>
        new Promise<number>((resolve, reject) => {
          begun.push(i);
          ends[i] = (error) => (error ? reject(error) : resolve(i));
        }),
    ),
  );
  return { begun, ends, results };
}

describe("turns", () => {
  it("begin at once while there are places, then in the order asked for as others end", async () => {
    const { begun, ends, results } = works(new Turns(2), 5);
    expect(begun).toEqual([0, 1]);
    ends[1]!();
    await results[1];
    expect(begun).toEqual([0, 1, 2]);
    ends[0]!();
    ends[2]!();
    expect(await Promise.all([results[0], results[2]])).toEqual([0, 2]);
    expect(begun).toEqual([0, 1, 2, 3, 4]);
  });

  it("give the place of failed work to the next, and keep nobody who comes when all is done", async () => {
    const turns = new Turns(1);
    const { begun, ends, results } = works(turns, 2);
    ends[0]!(new Error("no"));
    await expect(results[0]).rejects.toThrow("no");
    expect(begun).toEqual([0, 1]);
    ends[1]!();
    expect(await results[1]).toBe(1);
    expect(works(turns, 1).begun).toEqual([0]);
  });
});
