// Charts as SVG text, drawn by ECharts on the server side (no DOM).
import type { EChartsCoreOption } from "echarts";
// One file: the package as modules is hundreds, which take a third of a second to find.
import * as echarts from "echarts/dist/echarts.esm.min";
import type { CalibrationBin } from "../metrics/classification.ts";

const COLOURS = ["#2f6f9f", "#c8553d", "#5b8e3e", "#8a5a9e", "#b8860b", "#4a4a4a"];

function svg(option: EChartsCoreOption, width = 560, height = 340): string {
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width, height });
  chart.setOption({ animation: false, color: COLOURS, textStyle: { fontFamily: "system-ui, sans-serif" }, ...option });
  const text = chart.renderToSVGString();
  chart.dispose();
  return text;
}

/** One line of a chart. */
export interface Curve {
  /** What the legend calls it. */
  name: string;
  /** The points it joins, in order of x. */
  points: readonly (readonly [x: number, y: number])[];
}

/** A chart of lines, as an SVG element. @param xName what stands below the horizontal axis, such as `epoch` */
export function curves(title: string, lines: readonly Curve[], xName: string): string {
  return svg({
    title: { text: title, left: 0, top: 0, textStyle: { fontSize: 14 } },
    legend: { top: 26, type: "scroll" },
    grid: { left: 64, right: 16, top: 64, bottom: 44 },
    xAxis: { type: "value", name: xName, nameLocation: "middle", nameGap: 26, min: "dataMin", max: "dataMax" },
    yAxis: { type: "value", scale: true },
    series: lines.map(({ name, points }) => ({
      type: "line",
      name,
      data: points,
      showSymbol: points.length < 3,
      lineStyle: { width: 1.5 },
    })),
  });
}

/**
 * A confusion matrix as an SVG element; the shade of a cell is its share of the row.
 * @param matrix counts `[label][answer]`
 * @param classes class names, by class number
 */
export function confusion(matrix: readonly (readonly number[])[], classes: readonly string[]): string {
  const side = Math.min(900, 160 + 44 * classes.length);
  const cells = matrix.flatMap((row, y) => {
    const total = Math.max(
      1,
      row.reduce((a, b) => a + b, 0),
    );
    return row.map((count, x) => ({
      value: [x, y, count / total],
      label: { show: count > 0, formatter: String(count) },
    }));
  });
  return svg(
    {
      title: { text: "Confusion: true class (rows), answer (columns)", left: 0, top: 0, textStyle: { fontSize: 14 } },
      grid: { left: 90, right: 16, top: 40, bottom: 80 },
      xAxis: { type: "category", data: classes, axisLabel: { rotate: 45 } },
      yAxis: { type: "category", data: classes, inverse: true },
      visualMap: { show: false, min: 0, max: 1, inRange: { color: ["#ffffff", "#2f6f9f"] } },
      series: [{ type: "heatmap", data: cells, label: { fontSize: 10 } }],
    },
    side,
    side - 40,
  );
}

/**
 * A reliability diagram (Guo et al. 2017, figure 1) as an SVG element: the share of right answers against confidence, a point
 * for each bin that is not empty. A calibrated model lies on the diagonal.
 */
export function reliability(bins: readonly CalibrationBin[]): string {
  const points = bins.filter((bin) => bin.count > 0).map((bin) => [bin.confidence, bin.accuracy, bin.count]);
  return svg({
    title: { text: "Reliability: share right against confidence", left: 0, top: 0, textStyle: { fontSize: 14 } },
    grid: { left: 64, right: 16, top: 44, bottom: 44 },
    xAxis: { type: "value", min: 0, max: 1, name: "confidence", nameLocation: "middle", nameGap: 26 },
    yAxis: { type: "value", min: 0, max: 1 },
    series: [
      {
        type: "line",
        data: [
          [0, 0],
          [1, 1],
        ],
        showSymbol: false,
        lineStyle: { type: "dashed", color: "#999999", width: 1 },
      },
      { type: "line", data: points, symbolSize: 8 },
    ],
  });
}
