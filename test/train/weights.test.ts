import { describe, expect, it } from "vitest";
import { ndarray, sizeOf } from "../../src/base/array.ts";
import { zerosInit } from "../../src/nn/init.ts";
import { averagePath, type StateSpec } from "../../src/nn/scope.ts";
import type { State } from "../../src/runtime/program.ts";
import { firstState, loadPretrained, requirePrefixes, restoreState } from "../../src/train/weights.ts";

const filled = (shape: number[], value: number) =>
  ndarray("float32", shape, new Float32Array(sizeOf(shape)).fill(value));
const specsOf = (shapes: Record<string, number[]>): Map<string, StateSpec> =>
  new Map(Object.entries(shapes).map(([path, shape]) => [path, { shape, init: zerosInit, trainable: true }]));

const SHAPES = { "trunk/w": [2, 3], "trunk/b": [3], "out/w": [3, 5], "extra/w": [1] };
const specs = specsOf({ ...SHAPES, [averagePath("trunk/w")]: [2, 3] });
/** A trained run of ten classes in place of five, with averages. */
const trained: State = new Map([
  ["trunk/w", filled([2, 3], 1)],
  [averagePath("trunk/w"), filled([2, 3], 2)],
  ["trunk/b", filled([3], 3)],
  ["out/w", filled([3, 10], 4)],
  ["decoder/w", filled([7], 5)],
  ["optimizer/joint/trunk/w/m", filled([2, 3], 9)],
]);

describe("weights of a trained run", () => {
  it("are taken by path and shape, from the averages; one line tells what was taken, begins anew and was left", () => {
    const state = firstState(specs, 1);
    expect(loadPretrained(state, specs, { state: trained })).toBe(
      "taken: 2 of 4 arrays; anew, as their shape differs: out/w; anew, as the run lacks them: extra/w; left: decoder/w",
    );
    const value = (path: string) => state.get(path)!.data[0];
    expect([value("trunk/w"), value(averagePath("trunk/w")), value("trunk/b"), value("out/w")]).toEqual([2, 2, 3, 0]);
    // Nothing is shared with the run.
    state.get("trunk/b")!.data[0] = 8;
    expect(trained.get("trunk/b")!.data[0]).toBe(3);
  });

  it("of equal length and another shape are not taken", () => {
    const own = specsOf({ "trunk/w": [3, 2], "trunk/b": [3] });
    expect(loadPretrained(firstState(own, 1), own, { state: trained })).toMatch(/shape differs: trunk\/w/);
  });

  it("can be taken under other prefixes; a prefix that the run does not have is refused", () => {
    const own = specsOf({ "encoder/w": [2, 3] });
    const state = firstState(own, 1);
    loadPretrained(state, own, { state: trained, map: { "trunk/": "encoder/" } });
    expect(state.get("encoder/w")!.data[0]).toBe(2);
    expect(() => loadPretrained(state, own, { state: trained, map: { "trnk/": "encoder/" } })).toThrowError(
      /--map trnk\/=…: the run has nothing under "trnk\/"; it has trunk\/, out\/, decoder\//,
    );
  });

  it("of two arrays cannot become one; of two prefixes that fit, the longer renames", () => {
    const own = specsOf({ "a/w": [2, 3], "b/b": [3] });
    const map = { "trunk/": "a/", "trunk/b": "b/b" };
    const state = firstState(own, 1);
    loadPretrained(state, own, { state: trained, map });
    expect([state.get("a/w")!.data[0], state.get("b/b")!.data[0]]).toEqual([2, 3]);
    const twice: State = new Map([...trained, ["other/w", filled([2, 3], 6)]]);
    expect(() => loadPretrained(state, own, { state: twice, map: { "trunk/": "a/", "other/": "a/" } })).toThrowError(
      /two arrays of the run are to become "a\/w", one of them "other\/w"; mend --map/,
    );
  });

  it("of which nothing fits are refused", () => {
    const own = specsOf({ "other/w": [1] });
    expect(() => loadPretrained(firstState(own, 1), own, { state: trained })).toThrowError(
      /nothing of the run fits this model: it has trunk\/, out\/, decoder\/, the model other\//,
    );
  });
});

describe("a checkpoint's state", () => {
  it("must have every array of the model, in its shape", () => {
    const state = firstState(specs, 1);
    expect(() => restoreState(state, trained)).toThrowError(/"out\/w" is \[3,10\] there, \[3,5\] here/);
    expect(() => restoreState(state, new Map())).toThrowError(/"trunk\/w" is missing/);
  });
});

describe("a frozen prefix", () => {
  it("that no parameter has is refused", () => {
    expect(() => requirePrefixes(["trunk/", "tail/"], specs)).toThrowError(/--freeze tail\/: no parameter begins so/);
  });
});
