import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { gather } from "../../src/data/dataset.ts";
import { open } from "../../src/data/open.ts";
import { readTable } from "../../src/data/readers/table.ts";
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
    writeFileSync(join(folder, "unnamed.jsonl"), '{"file_name": "0.png", "label": 1}\n{"label": 2}\n');
    await expect(open(join(folder, "unnamed.jsonl"))).rejects.toThrowError(/line 2 has no path/);
    const table = `image_path,class_name\n${join(folder, "0.png")},a\n1.png,b\n`;
    writeFileSync(join(root, "imagefolder", "metadata.csv"), table);
    expect((await open(folder, { validation: 0 })).classes).toEqual(["a", "b"]);
  });

  it.each([
    ["other words", (i: number) => `key${i}`],
    [
      "words that differ by spaces alone",
      (i: number) => `${i.toString(2).replaceAll("0", " ").replaceAll("1", "\u2003")}split`,
    ],
  ])("may be JSON lines of which each has keys of its own, %s: a table of all of them is not made", async (_, key) => {
    const file = join(root, "keys.jsonl");
    // A table of all keys would have 2.5 thousand million cells.
    const lines = Array.from(
      { length: 50_000 },
      (_, i) => `{"file_name": "none.png", "label": ${i % 2}, "${key(i)}": "train"}`,
    );
    writeFileSync(file, lines.join("\n"));
    await expect(open(file)).rejects.toThrowError(/50000 of the 50000 pictures that it lists do not exist/);
  });

  it("are another source once one of their pictures has changed", async () => {
    const folder = join(root, "changing");
    for (const name of ["0.png", "1.png"]) await picture(join(folder, name), 9, 8);
    writeFileSync(join(folder, "t.csv"), "0.png,a\n1.png,b\n");
    const before = readTable(join(folder, "t.csv")).identity();
    expect(readTable(join(folder, "t.csv")).identity()).toBe(before);
    utimesSync(join(folder, "1.png"), 1, 1);
    expect(readTable(join(folder, "t.csv")).identity()).not.toBe(before);
  });

  it.each([
    ["csv", 'path,label,split\n\na.png,"x\ny",\n\n\n"b\n.png",c,\nd.png,e,tets\n', 9],
    ["csv", 'path,label,split\r\n\r\na.png,"x\r\ny",\r\n\r\n\r\n"b\r\n.png",c,\r\nd.png,e,tets\r\n', 9],
    ["csv", '\n\na.png,b\n,"x\n\ny"\n', 4],
    ["tsv", "\n\nhello\n", 3],
    ["jsonl", '\n{"path": "a.png", "label": 1}\n\n\n{"path": "b.png", "label": 1, "split": "tets"}\n', 5],
    ["jsonl", '\n\n{"a": 1}\n', 3],
  ])("tell the line of the file, with empty lines and lines inside cells before it (%s)", (ending, text, line) => {
    const file = join(root, `lines.${ending}`);
    writeFileSync(file, text);
    expect(() => readTable(file)).toThrowError(`${file}: line ${line} `);
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

describe("tables of pixel values", () => {
  const write = (name: string, lines: readonly string[]) => {
    writeFileSync(join(root, name), lines.join("\r\n"));
    return join(root, name);
  };
  const row = (from: number, count = 16) => Array.from({ length: count }, (_, i) => from + i).join(",");
  const header = (count = 16) => Array.from({ length: count }, (_, i) => `pixel${i}`).join(",");

  it("are read with a header, which may name splits and numbers of pictures, and without one", async () => {
    const lines = [
      `"id",${header()},"label",split`,
      `1,${row(0)},cat,`,
      `2,${row(200)},"dog",train`,
      `3,${row(9)},cat,test`,
    ];
    const named = await open(write("named.csv", [...lines, "", `4,${row(1)},,`]), { validation: 0 });
    expect([named.classes, labelNames(named), named.mirror]).toEqual([["cat", "dog"], ["cat", "dog", null], false]);
    expect([named.train.height, named.train.width, named.train.channels, named.train.name!(2)]).toEqual([
      4,
      4,
      1,
      "line 6",
    ]);
    expect([...(await gather(named.train, [1]))]).toEqual(row(200).split(",").map(Number));
    expect([...named.test!.labels, ...(await gather(named.test!)).slice(0, 2)]).toEqual([0, 9, 10]);
    const bare = await open(write("bare.csv", [`7,${row(0)}`, `10,${row(100)}`, `-1,${row(3)}`]), { validation: 0 });
    expect([bare.classes, labelNames(bare)]).toEqual([
      ["7", "10"],
      ["7", "10", null],
    ]);
  });

  it("may hold colours, three numbers a pixel, and parts of 1", async () => {
    const parts = (value: number) => Array.from({ length: 27 }, (_, i) => (i % 3) * value).join(";");
    const lines = [`class;${header(27).replaceAll(",", ";")}`, `a;${parts(0.5)}`, `b;${parts(0.25)}`];
    const { train, mirror } = await open(write("colours.csv", lines), { validation: 0 });
    expect([train.height, train.channels, mirror]).toEqual([3, 3, true]);
    expect([...(await gather(train, [0])).slice(0, 6)]).toEqual([0, 128, 255, 0, 128, 255]);
  });

  it.each([
    [
      "of no square",
      [`y,${header(17)}`, `0,${row(0, 17)}`, `1,${row(1, 17)}`],
      /17 columns of numbers beside the label; expected/,
    ],
    [
      "with a word among the numbers",
      [`y,${header()}`, `0,${row(0)}`, `1,${row(1).replace("16", "x")}`],
      /line 3 has the value NaN/,
    ],
    ["with a number above 255", [`y,${header()}`, `0,${row(0)}`, `1,${row(250)}`], /line 3 has the value 256/],
    ["with a line cut short", [`y,${header()}`, `0,${row(0)}`, "1,2"], /line 3 has 2 cells, expected 17/],
    ["of one class", [`5,${row(0)}`, `5,${row(9)}`], /1 class; .* the first number of a line is its label/],
    [
      "with a new class in test",
      [`y,split,${header()}`, `0,,${row(0)}`, `1,,${row(1)}`, `2,test,${row(2)}`],
      /line 4 of test .* "2"/,
    ],
  ])("%s are refused", async (name, lines, message) => {
    await expect(open(write(`${name}.csv`, lines))).rejects.toThrow(message);
  });
});
