import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { open } from "../../src/data/open.ts";
import { labelNames, picture } from "./files.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-tables-"));
afterAll(() => rmSync(root, { recursive: true }));

describe("CSV tables", () => {
  it("of path,label[,split], with or without a header, are read; an empty label is none", async () => {
    const folder = join(root, "table");
    for (let i = 0; i < 6; i++) await picture(join(folder, "pics", `${i}.png`), 40 * i, 8);
    writeFileSync(
      join(folder, "a.csv"),
      '\ufefffile_name,split,label\npics/0.png,train,cat\n"pics/1.png",train,"dog, small"\npics/2.png,train,\npics/3.png,test,cat\n',
    );
    const a = await open(join(folder, "a.csv"), { validation: 0 });
    expect([a.classes, labelNames(a), a.test!.labels.length]).toEqual([
      ["cat", "dog, small"],
      ["cat", "dog, small", null],
      1,
    ]);
    writeFileSync(join(folder, "b.csv"), "pics/0.png;10\npics/1.png;9\n");
    expect((await open(join(folder, "b.csv"), { validation: 0 })).classes).toEqual(["9", "10"]);
  });

  it("name paths that are listed twice, with other labels, or that do not exist; Latin-1 is read and told", async () => {
    const folder = join(root, "doubts");
    const count = 40;
    for (let i = 0; i < count; i++) await picture(join(folder, `${i}.png`), 5 * i, 8);
    const lines = Array.from({ length: count }, (_, i) => `${i}.png,${i % 2 ? "caf\u00e9" : "bar"}`);
    const text = ["path,label", ...lines, "3.png,caf\u00e9", "5.png,bar", "absent.png,bar"].join("\n");
    writeFileSync(join(folder, "t.csv"), text, "latin1");
    const data = await open(join(folder, "t.csv"), { validation: 0 });
    expect([data.classes, data.train.labels.length]).toEqual([["bar", "caf\u00e9"], count + 2]);
    expect(data.warnings.map(({ text: line, names: about }) => [line.slice(0, 40), ...about])).toEqual([
      ["doubtful: the table is not UTF-8 and is "],
      ["left out, as they are listed but do not ", "absent.png"],
      ["doubtful: listed more than once", "3.png"],
      ["doubtful: listed with different labels", "5.png"],
    ]);
    writeFileSync(join(folder, "bad.csv"), "path,label\n1.png,a\n2.png,b\nnone.png,a\n");
    await expect(open(join(folder, "bad.csv"))).rejects.toThrowError(
      /1 of the 3 pictures that it lists do not exist, as none\.png; expected paths relative to/,
    );
  });

  it("may be JSON lines, have absolute paths, or lie beside pictures as metadata.csv", async () => {
    const folder = join(root, "imagefolder");
    for (let i = 0; i < 4; i++) await picture(join(folder, `${i}.png`), 40 * i, 8);
    writeFileSync(
      join(folder, "t.jsonl"),
      `{"file_name": "0.png", "label": 3}\n\n{"file_name": "1.png", "label": 11, "split": "test"}\n{"file_name": "2.png", "label": 11}\n{"file_name": "3.png"}\n`,
    );
    const lines = await open(join(folder, "t.jsonl"), { validation: 0 });
    expect([lines.classes, labelNames(lines), lines.test!.labels.length]).toEqual([["3", "11"], ["3", "11", null], 1]);
    writeFileSync(join(folder, "broken.jsonl"), '{"file_name": "0.png"}\n{"file\n');
    await expect(open(join(folder, "broken.jsonl"))).rejects.toThrowError(/line 2 is not JSON/);
    const table = `image_path,class_name\n${join(folder, "0.png")},a\n1.png,b\n`;
    writeFileSync(join(root, "imagefolder", "metadata.csv"), table);
    expect((await open(folder, { validation: 0 })).classes).toEqual(["a", "b"]);
  });

  it("find files whose names differ from the table in Unicode form alone", async () => {
    const folder = join(root, "forms");
    for (const name of ["caf\u00e9", "bar"]) await picture(join(folder, `${name}.png`.normalize("NFD")), 9, 8);
    writeFileSync(join(folder, "t.csv"), "caf\u00e9.png,a\nbar.png,b\n");
    expect((await open(join(folder, "t.csv"), { validation: 0 })).train.labels).toHaveLength(2);
  });

  it.each([
    [
      "leading out of its folder",
      "path,label\n../secret.png,a\n",
      /line 2 names "\.\.\/secret\.png", which is not below/,
    ],
    ["of an unknown split", "path,label,split\nx.png,a,tets\n", /line 2 has the split "tets"/],
    [
      "without a label column",
      "path,colour\nx.png,red\n",
      /header has path, colour; expected one of the columns label/,
    ],
    ["empty", "", /no line in it/],
    ["of no table", "hello\n", /line 1 is "hello"; expected a header/],
    ["with a quote left open", 'path,label\n"x.png,a\n', /not a table/],
  ])("that are %s are refused", async (title, text, message) => {
    const file = join(root, `${title}.csv`);
    writeFileSync(file, text);
    await expect(open(file)).rejects.toThrowError(message);
  });
});
