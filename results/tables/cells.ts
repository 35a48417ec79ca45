// What tables are made of: rows of Markdown, and the words for several runs in one cell.
import { quantile } from "../../src/metrics/quantile.ts";

/** A table in Markdown. */
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

/** A share of one in per cent. */
export const percent = (share: number): string => (100 * share).toFixed(2);

/** The mean, and with more than one value the standard deviation of a sample. */
export function meanAndDeviation(values: readonly number[], show: (value: number) => string): string {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  if (values.length === 1) return show(mean);
  const deviation = Math.sqrt(values.reduce((t, v) => t + (v - mean) ** 2, 0) / (values.length - 1));
  return `${show(mean)} ± ${show(deviation)}`;
}

/** The median, and with more than one value the least and the greatest. */
export function medianAndRange(values: readonly number[], show: (value: number) => string): string {
  const median = show(quantile(Float64Array.from(values), 0.5));
  return values.length === 1 ? median : `median ${median} (${leastToMost(values, show)})`;
}

/** The least and the greatest, or the one where these are shown alike. */
export function leastToMost(values: readonly number[], show: (value: number) => string = String): string {
  const [least, most] = [show(Math.min(...values)), show(Math.max(...values))];
  return least === most ? least : `${least}-${most}`;
}
