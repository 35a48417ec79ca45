// Charts as SVG text, drawn by ECharts on the server side (no DOM). Text and axes have the colour of the text around the chart,
// so that it is read on light and on dark pages; a chart that stands alone has it black.
import type { EChartsCoreOption } from "echarts";
import * as echarts from "../../vendor/echarts/echarts.js";
import type { CalibrationBin } from "../metrics/classification.ts";

const INK = "currentColor";
/** Read on white and on black: of what a chart is about, and of what it is compared with. */
const [COLOUR, OTHER] = ["#3a86c8", "#d9652b"];
const SHADE = "58, 134, 200";
/** Pixels: narrow enough to be read when a telephone shrinks it. */
const WIDTH = 440;

const heading = (text: string) => ({
  text,
  left: 0,
  top: 0,
  textStyle: { fontSize: 14, color: INK },
});
/** Line and labels of an axis, and the lines across the chart that it draws. */
const AXIS = {
  axisLine: { lineStyle: { color: INK, opacity: 0.5 } },
  axisTick: { lineStyle: { color: INK, opacity: 0.5 } },
  axisLabel: { color: INK },
  nameTextStyle: { color: INK },
  splitLine: { lineStyle: { color: INK, opacity: 0.15 } },
};
const belowAxis = (name: string) => ({ name, nameLocation: "middle", nameGap: 26 });
const besideAxis = (name: string) => ({ name, nameLocation: "middle", nameGap: 40 });

function svg(option: EChartsCoreOption, width: number, height: number): string {
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width, height });
  chart.setOption({
    animation: false,
    color: [COLOUR],
    textStyle: { fontFamily: "system-ui, sans-serif", color: INK },
    ...option,
  });
  const text = chart.renderToSVGString();
  chart.dispose();
  return text;
}

/** One line of a chart. */
export interface Curve {
  /** What stands above it, where it is not alone. */
  name: string;
  /** The points it joins, in order of x. */
  points: readonly (readonly [x: number, y: number])[];
  /** Whether y is a share of 1. */
  isShare?: boolean;
}

/** The range of an axis for some values: none beyond 0..1 for shares that are all the same. */
const rangeOf = ({ points, isShare }: Curve) =>
  isShare && points.every(([, y]) => y === points[0]![1]) ? { min: 0, max: 1 } : {};

/**
 * Lines below one another, as an SVG element: each has an axis of its own, as one may be a thousand times another; the
 * horizontal one is shared.
 * @param xName what stands below the horizontal axis, such as `epoch`
 */
export function curves(title: string, lines: readonly Curve[], xName: string): string {
  const alone = lines.length === 1;
  const [first, height, distance] = alone ? [36, 190, 0] : [52, 74, 104];
  const bottom = first + (lines.length - 1) * distance + height;
  const xs = lines.flatMap(({ points }) => points.map(([x]) => x));
  const [min, max] = [xs.reduce((a, b) => Math.min(a, b)), xs.reduce((a, b) => Math.max(a, b))];
  const names = lines.map(({ name }, i) => ({
    text: name,
    left: 64,
    top: first + i * distance - 18,
    padding: 0,
    textStyle: { fontSize: 12, fontWeight: "normal", color: INK },
  }));
  return svg(
    {
      title: [heading(title), ...(alone ? [] : names)],
      grid: lines.map((_, i) => ({ left: 64, right: 20, top: first + i * distance, height })),
      xAxis: lines.map((_, i) => ({
        ...AXIS,
        ...(i === lines.length - 1 ? belowAxis(xName) : { axisLabel: { show: false } }),
        // Steps and epochs are whole numbers.
        ...{ gridIndex: i, type: "value", min, max, minInterval: 1, splitLine: { show: false } },
      })),
      yAxis: lines.map((line, i) => ({
        ...AXIS,
        ...{ gridIndex: i, type: "value", scale: true, splitNumber: alone ? 5 : 2 },
        ...rangeOf(line),
      })),
      series: lines.map(({ name, points }, i) => ({
        ...{ type: "line", name, data: points, xAxisIndex: i, yAxisIndex: i },
        showSymbol: points.length < 3,
        lineStyle: { width: 1.5 },
      })),
    },
    WIDTH,
    bottom + 48,
  );
}

/** A line among others in the same axes. */
export interface Line {
  readonly points: readonly (readonly [x: number, y: number])[];
  /** `main` by default; `other` in the second colour, `faint` one of many, `guide` dashed. */
  readonly kind?: "main" | "other" | "faint" | "guide";
  /** Whether what is below it is shaded. */
  readonly filled?: boolean;
}

const LINE_STYLES = {
  main: { color: COLOUR, width: 2 },
  other: { color: OTHER, width: 2 },
  faint: { color: COLOUR, width: 1, opacity: 0.45 },
  guide: { color: INK, width: 1, opacity: 0.6, type: "dashed" },
} as const;

/** What an axis of a chart is called, with its unit, and its range where that is not the data's. */
export interface Axis {
  readonly name: string;
  readonly min?: number;
  readonly max?: number;
}

/** Lines in the same axes, as an SVG element. */
export function overlay(title: string, lines: readonly Line[], x: Axis, y: Axis): string {
  return svg(
    {
      title: heading(title),
      grid: { left: 64, right: 20, top: 44, bottom: 44 },
      xAxis: { ...AXIS, type: "value", ...x, ...belowAxis(x.name) },
      // At the left, wherever 0 is.
      yAxis: { ...AXIS, type: "value", ...y, ...besideAxis(y.name), axisLine: { ...AXIS.axisLine, onZero: false } },
      series: lines.map(({ points, kind = "main", filled }) => ({
        ...{ type: "line", data: points, showSymbol: false, lineStyle: LINE_STYLES[kind] },
        ...(filled ? { areaStyle: { color: LINE_STYLES[kind].color, opacity: 0.25 } } : {}),
      })),
    },
    WIDTH,
    320,
  );
}

/** Of more classes, cells are too small for their counts. */
const MOST_COUNTED = 20;

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
      label: {
        show: count > 0 && classes.length <= MOST_COUNTED,
        formatter: String(count),
        color: count / total > 0.6 ? "#ffffff" : INK,
      },
    }));
  });
  const names = { ...AXIS, type: "category", data: classes, splitLine: { show: false } };
  const name = { color: INK, width: 78, overflow: "truncate" };
  return svg(
    {
      title: heading("Confusion"),
      grid: { left: 90, right: 16, top: 40, bottom: 80 },
      xAxis: { ...names, axisLabel: { ...name, rotate: 45 } },
      yAxis: { ...names, axisLabel: name, inverse: true },
      visualMap: { show: false, min: 0, max: 1, inRange: { color: [`rgba(${SHADE}, 0)`, `rgba(${SHADE}, 1)`] } },
      series: [{ type: "heatmap", data: cells, label: { fontSize: 10 } }],
    },
    side,
    side - 40,
  );
}

/** Pixels across the dot of the fullest bin, and of an almost empty one. */
const [LARGEST, SMALLEST] = [16, 4];

/**
 * A reliability diagram (Guo et al. 2017, figure 1) as an SVG element: the share of right answers against confidence, a point
 * for each bin that is not empty, its area by the number of answers. A calibrated model lies on the diagonal.
 */
export function reliability(bins: readonly CalibrationBin[]): string {
  const points = bins.filter((bin) => bin.count > 0).map((bin) => [bin.confidence, bin.accuracy, bin.count]);
  const most = Math.max(1, ...bins.map(({ count }) => count));
  const range = { ...AXIS, type: "value", min: 0, max: 1 };
  return svg(
    {
      title: heading("Reliability"),
      grid: { left: 64, right: 20, top: 44, bottom: 44 },
      xAxis: { ...range, ...belowAxis("confidence (probability of the answer)") },
      yAxis: { ...range, ...besideAxis("share of right answers") },
      series: [
        {
          type: "line",
          data: [
            [0, 0],
            [1, 1],
          ],
          showSymbol: false,
          lineStyle: LINE_STYLES.guide,
        },
        {
          type: "line",
          data: points,
          symbol: "circle",
          symbolSize: (point: readonly number[]) => Math.max(SMALLEST, LARGEST * Math.sqrt(point[2]! / most)),
        },
      ],
    },
    WIDTH,
    340,
  );
}

/** Read on white and on black, and told apart by who sees few colours, with the shapes beside them. */
const COLOURS = [COLOUR, "#d1603d", "#3f9d5a", "#a066c8", "#b8902a", "#c84a86", "#2e9c9c", "#8a8a8a"];
const SHAPES = [
  ["circle", "●"],
  ["rect", "■"],
  ["triangle", "▲"],
  ["diamond", "◆"],
] as const;

/** Characters of a name that have half of a chart's width. */
const LONGEST_NAME = 26;

/** Something measured several times, in order of x. */
export interface MeasuredSeries {
  readonly name: string;
  /** Whether its points are joined. */
  readonly joined?: boolean;
  /** `spread`: how far the values of a mean lie from it; drawn on both sides of y. */
  readonly points: readonly { readonly x: number; readonly y: number; readonly spread?: number }[];
}

/** How a chart of several series is drawn. */
export interface SeriesAxes {
  readonly xName: string;
  readonly yName: string;
  /** Whether x grows by factors; all x are then above 0. */
  readonly logarithmic?: boolean;
}

/**
 * Several series in one chart, as an SVG element, each with a colour and a shape of its own, which a list above it names.
 * @param series at least one, each with at least one point
 */
export function measured(title: string, series: readonly MeasuredSeries[], axes: SeriesAxes): string {
  const { xName, yName, logarithmic = false } = axes;
  // Where colours begin anew, shapes are another one on.
  const style = (i: number) => ({
    color: COLOURS[i % COLOURS.length]!,
    shape: SHAPES[(i + Math.floor(i / COLOURS.length)) % SHAPES.length]!,
  });
  const xs = series.flatMap(({ points }) => points.map(({ x }) => x));
  const decade = (round: (value: number) => number, value: number) => 10 ** round(Math.log10(value));
  // Two names a line, unless one is too long for that.
  const columns = series.some(({ name }) => name.length > LONGEST_NAME) ? 1 : 2;
  const most = (LONGEST_NAME * 2) / columns;
  const names = series.map(({ name }, i) => ({
    text: `{mark|${style(i).shape[1]}} ${name.length > most ? `${name.slice(0, most - 1)}…` : name}`,
    left: (i % columns) * (WIDTH / 2),
    top: 22 + 18 * Math.floor(i / columns),
    padding: 0,
    textStyle: { fontSize: 12, fontWeight: "normal", color: INK, rich: { mark: { color: style(i).color } } },
  }));
  const top = 40 + 18 * Math.ceil(series.length / columns);
  return svg(
    {
      title: [heading(title), ...names],
      grid: { left: 64, right: 20, top, height: 220 },
      xAxis: {
        ...AXIS,
        ...belowAxis(xName),
        ...{ type: logarithmic ? "log" : "value", scale: true, splitLine: { show: false } },
        ...(logarithmic ? { min: decade(Math.floor, Math.min(...xs)), max: decade(Math.ceil, Math.max(...xs)) } : {}),
        axisLabel: { color: INK, formatter: shortNumber },
      },
      yAxis: { ...AXIS, type: "value", scale: true, name: yName, nameLocation: "middle", nameGap: 44 },
      series: series.flatMap(({ points, joined = false }, i) => {
        const { color, shape } = style(i);
        const line = { type: "line", symbol: shape[0], symbolSize: 8, itemStyle: { color } };
        const bars = points.filter(({ spread }) => spread !== undefined && spread > 0);
        return [
          {
            ...line,
            data: points.map(({ x, y }) => [x, y]),
            lineStyle: { color, width: joined ? 1.5 : 0 },
          },
          ...bars.map(({ x, y, spread }) => ({
            ...{ type: "line", showSymbol: false, lineStyle: { color, width: 1 } },
            data: [
              [x, y - spread!],
              [x, y + spread!],
            ],
          })),
        ];
      }),
    },
    WIDTH,
    top + 220 + 48,
  );
}

/** `2000000` as `2M`, `0.001` as it is. */
function shortNumber(value: number): string {
  for (const [unit, letter] of [
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const)
    if (value >= unit) return `${Number((value / unit).toPrecision(3))}${letter}`;
  return String(Number(value.toPrecision(3)));
}
