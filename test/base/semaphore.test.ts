import { describe, expect, it } from "vitest";
import { Semaphore } from "../../src/base/semaphore.ts";

/** Work that ends when it is told to, and a diary of it. */
function works(semaphore: Semaphore, count: number) {
  const begun: number[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const results = Array.from({ length: count }, (_, i) =>
    semaphore.run(
      () =>
        new Promise<number>((resolve, reject) => {
          begun.push(i);
          ends[i] = (error) => (error ? reject(error) : resolve(i));
        }),
    ),
  );
  return { begun, ends, results };
}

describe("work under a semaphore", () => {
  it("begins at once while there are permits, then in the order asked for as others end", async () => {
    const { begun, ends, results } = works(new Semaphore(2), 5);
    expect(begun).toEqual([0, 1]);
    ends[1]!();
    await results[1];
    expect(begun).toEqual([0, 1, 2]);
    ends[0]!();
    ends[2]!();
    expect(await Promise.all([results[0], results[2]])).toEqual([0, 2]);
    expect(begun).toEqual([0, 1, 2, 3, 4]);
  });

  it("hands the permit of failed work to the next, and waits for nobody when all is done", async () => {
    const semaphore = new Semaphore(1);
    const { begun, ends, results } = works(semaphore, 2);
    ends[0]!(new Error("no"));
    await expect(results[0]).rejects.toThrow("no");
    expect(begun).toEqual([0, 1]);
    ends[1]!();
    expect(await results[1]).toBe(1);
    expect(works(semaphore, 1).begun).toEqual([0]);
  });
});
