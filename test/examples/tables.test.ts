import { describe, expect, it } from "vitest";
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
