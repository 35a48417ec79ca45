// Cells and rows of Markdown.
/** A row of a table. */
export const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;

/** The mean, and with more than one value the standard deviation of a sample. */
export function meanAndDeviation(values: readonly number[], show: (value: number) => string): string {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  if (values.length === 1) return show(mean);
  const deviation = Math.sqrt(values.reduce((t, v) => t + (v - mean) ** 2, 0) / (values.length - 1));
  return `${show(mean)} ± ${show(deviation)}`;
}
