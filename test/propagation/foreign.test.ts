import { describe, expect, it } from "vitest";
import { foreignPoints } from "../../src/propagation/foreign.ts";
import { nearestNeighbours } from "../../src/propagation/neighbours.ts";
import { Random } from "../../src/random/random.ts";

const find = (points: Float32Array, width: number, labels: Int32Array) =>
  foreignPoints(points, width, labels, nearestNeighbours(points, width, 10));

describe("points that belong to no class", () => {
  it("are those farther from every label than labelled ones are from each other, by neighbour distances", () => {
    // On a line: labels at 0, 3 and 6, others beside them, and a crowd at 100. With one neighbour, units are about 1.
    const line = Float32Array.of(0, 1, 3, 4, 6, 7, 100, 101, 102);
    const labels = Int32Array.of(0, -1, 1, -1, 0, -1, -1, -1, -1);
    const neighbours = nearestNeighbours(line, 1, 1);
    expect(foreignPoints(line, 1, labels, neighbours)).toEqual({
      are: Uint8Array.of(0, 0, 0, 0, 0, 0, 1, 1, 1),
      ...{ share: 0.5, byChance: 1 - 5e-5 ** (1 / 3) },
    });
  });

  it("are told where they are as far from each other as from every label", () => {
    // Of ten directions each class has its own, and what is foreign lies five times as far out in any direction.
    const points = new Float32Array(400 * 10);
    new Random(3, "points").fillNormal(points);
    for (let i = 0; i < 320; i++) points[10 * i + (i % 2)]! += 8;
    for (let at = 320 * 10; at < points.length; at++) points[at]! *= 5;
    const labels = Int32Array.from({ length: 400 }, (_, i) => (i < 100 ? i % 2 : -1));
    const { are, share, byChance } = find(points, 10, labels)!;
    expect(share).toBeGreaterThan(byChance);
    expect(are.subarray(0, 320).filter(Boolean).length).toBeLessThan(0.02 * 320);
    expect(are.subarray(320).filter(Boolean).length).toBeGreaterThan(0.95 * 80);
  });

  it("are not told where there is nothing to compare with", () => {
    const points = Float32Array.of(0, 1, 2, 3);
    expect(find(points, 1, Int32Array.of(0, 1, 0, 1))).toBeUndefined();
    expect(find(points, 1, Int32Array.of(0, -1, -1, -1))).toBeUndefined();
  });

  it("are more than chance has less than once in a hundred draws of points that all belong", () => {
    let alarms = 0;
    for (let draw = 0; draw < 100; draw++) {
      const points = new Float32Array(300 * 5);
      new Random(draw, "points").fillNormal(points);
      const { share, byChance } = find(
        points,
        5,
        Int32Array.from({ length: 300 }, (_, i) => (i < 30 ? i % 3 : -1)),
      )!;
      alarms += Number(share > byChance);
    }
    expect(alarms).toBe(0);
  });

  it("are not made of the same picture many times, beside a label or apart from all", () => {
    const points = new Float32Array(2 * 80);
    new Random(1, "points").fillNormal(points);
    points.fill(50, 2 * 60);
    const labels = Int32Array.from({ length: 80 }, (_, i) => (i < 20 ? i % 2 : -1));
    expect(find(points, 2, labels)!.share).toBeCloseTo(20 / 60, 1);
    labels[60] = 0;
    expect(find(points, 2, labels)!.share).toBeLessThan(0.1);
    // A label on one of them hides nothing that lies elsewhere.
    const more = new Float32Array(2 * 110);
    new Random(2, "more").fillNormal(more);
    more.set(points);
    for (let at = 2 * 80; at < more.length; at++) more[at]! -= 100;
    const all = Int32Array.from({ length: 110 }, (_, i) => labels[i] ?? -1);
    expect(
      find(more, 2, all)!
        .are.subarray(80)
        .every((one) => one === 1),
    ).toBe(true);
  });
});
