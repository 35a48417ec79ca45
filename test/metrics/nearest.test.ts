// Distances that are computed four at a time have the bits of those computed one by one.
import { expect, it } from "vitest";
import { packed, squaredDistance, squaredDistances } from "../../src/metrics/nearest.ts";
import { Random } from "../../src/random/random.ts";

it.each(Array.from({ length: 10 }, (_, count) => count))("%i distances at once are those of each pair", (count) => {
  const width = 7;
  const values = new Float32Array(12 * width);
  new Random(1, "rows").fillNormal(values);
  const rows = packed({ data: values, width });
  const found = new Float64Array(12).fill(-1);
  squaredDistances(rows, 10, rows, count, found);
  const expected = Array.from(found, (_, j) => (j < count ? squaredDistance(rows, 10, rows, j) : -1));
  expect([...found]).toEqual(expected);
});
