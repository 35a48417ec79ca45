// How a report is made: what of it fails is left out and told, and its charts are files of their own.
import type { ReportChart } from "../report/html.ts";
import type { Chart } from "./charts.ts";
import { writeAtomically } from "./files.ts";

/** Makes parts of a report, each of which may fail. */
export class ReportMaker {
  /**
   * @param file the path of a file of the report
   * @param tell is called with a line for each part that failed
   */
  constructor(
    readonly file: (...parts: string[]) => string,
    private readonly tell: (line: string) => void,
  ) {}

  /** What `make` gives; undefined where it fails, which is told. @param part what the report is without then */
  async attempt<T>(part: string, make: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await make();
    } catch (cause) {
      this.tell(`the report is without ${part}: ${(cause as Error).message}`);
      return undefined;
    }
  }

  /** Draws charts, also as files. */
  async draw(charts: readonly Chart[]): Promise<ReportChart[]> {
    const made: ReportChart[] = [];
    for (const { name, draw, caption, wide } of charts) {
      const svg = await this.attempt(`the chart ${name}`, () => {
        const text = draw();
        writeAtomically(this.file("plots", `${name}.svg`), text);
        return text;
      });
      if (svg !== undefined) made.push({ svg, caption, wide });
    }
    return made;
  }
}
