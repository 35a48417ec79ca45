import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { addRow, putRow, records } from "../../results/csv.ts";
import { budgetOf } from "../../results/tables/accuracy.ts";

describe("a budget of several runs", () => {
  const run = (minutes: string, seconds: string, gflops: string) => ({
    minutes_at_250: minutes,
    seconds,
    gflops,
    machine: "1 cores with onednn",
  });

  it("tells from the least to the most of what differs, and once what does not", () => {
    const [fast, slow] = [run("8", "847", "142"), run("8", "1390", "87")];
    expect(budgetOf([fast])).toBe("8 min@250: 14.1 min at 142 GFLOP/s");
    expect(budgetOf([fast, slow])).toBe("8 min@250: 14.1-23.2 min at 87-142 GFLOP/s");
    expect(budgetOf([run("2.5", "227", "170"), slow])).toBe("2.5-8 min@250: 3.8-23.2 min at 87-170 GFLOP/s");
  });

  it("is the time that was spent where none was set, and names every machine", () => {
    const solved = run("", "60", "");
    expect(budgetOf([solved, solved])).toBe("1.0 min, 1 cores with onednn");
    expect(budgetOf([solved, { ...solved, seconds: "90", machine: "2 cores with onnxruntime" }])).toBe(
      "1.0-1.5 min, 1 cores with onednn or 2 cores with onnxruntime",
    );
  });
});

describe("a CSV file of results", () => {
  it("gets its names with the first row, and a row in place of one of the same keys, whose last value may have commas", () => {
    const folder = mkdtempSync(join(tmpdir(), "genclass-csv-"));
    const file = join(folder, "rows.csv");
    expect(records(file)).toEqual([]);
    addRow(file, { id: "b", seed: 1, command: "train --labels 1,2" });
    addRow(file, { id: "b", seed: 10, command: "train" });
    putRow(file, { id: "a", seed: 1, command: "train --labels 3,4" }, 2);
    putRow(file, { id: "b", seed: 1, command: "train --labels 5,6" }, 2);
    const lines = ["id,seed,command", "a,1,train --labels 3,4", "b,1,train --labels 5,6", "b,10,train"];
    expect(readFileSync(file, "utf8")).toBe(`${lines.join("\n")}\n`);
    expect(records(file)[2]).toEqual({ id: "b", seed: "10", command: "train" });
    rmSync(folder, { recursive: true });
  });
});
