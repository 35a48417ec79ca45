// GridSample: pictures seen at places that are computed, as where they are turned upright.
import * as g from "../../graph/ops/index.ts";
import { constant } from "../../graph/tensor.ts";
import type { Importer } from "./call.ts";
import { arrayOf, asInFile, channelsLast, computed, inOrder } from "./values.ts";

const gridSample: Importer = (call) => {
  const [x, grid] = [call.image(0), call.value(1)];
  const mode = call.text("mode", call.opset < 20 ? "bilinear" : "linear");
  if (mode !== "bilinear" && mode !== "linear") call.refuse(`mode is "${mode}"; bilinear can be taken`);
  const padding = call.text("padding_mode", "zeros");
  if (padding !== "border") call.refuse(`padding_mode is "${padding}"; border can be taken`);
  if (call.int("align_corners", 0) !== 0) call.refuse("it aligns the centres of corner pixels (align_corners)");
  const places = grid.kind === "known" ? constant(arrayOf(grid)) : asInFile(grid);
  const y = g.gridSample(inOrder(x, channelsLast(4)), places);
  return computed(y, channelsLast(4), { learned: call.learned, level: call.level });
};

export const SAMPLING: Readonly<Record<string, Importer>> = { GridSample: gridSample };
