import { expect, it } from "vitest";
import type { Backbone } from "../../src/models/backbone.ts";
import { testViews } from "../../src/models/test-views.ts";

it("multiscale and hybrid classify by the views that are asked for, and by one where nothing is said", () => {
  const network = { frozen: "all" } as Backbone;
  const spec = { height: 8, width: 8, channels: 1, mirror: true, classes: ["a", "b"] };
  const chosen = (views: Parameters<typeof testViews>[0]) => [
    testViews(views, spec),
    testViews(views, { ...spec, backbone: network }),
  ];
  expect(chosen("auto")).toEqual(["mirror", "one"]);
  expect(chosen("six")).toEqual(["six", "six"]);
});
