// Lines of CSV files (RFC 4180).

const cell = (value: string): string => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);

/** Cells as a line, without its end: those with commas, quotes or line breaks in quotes, and nothing for what is absent. */
export const csvLine = (cells: readonly unknown[]): string => cells.map((value) => cell(String(value ?? ""))).join(",");
