// The thread in which Parquet files are decoded: a damaged or hostile one cannot stop more than this. It answers the questions
// of parquet-files.ts.
import { parentPort } from "node:worker_threads";
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import type { ParquetAnswer, ParquetDescription, ParquetQuestion, ParquetRows } from "./parquet-files.ts";

async function openFile(path: string) {
  const file = await asyncBufferFromFile(path);
  return { file, metadata: await parquetMetadataAsync(file) };
}

async function describe(path: string): Promise<ParquetDescription> {
  const { metadata } = await openFile(path);
  const groups = [0];
  for (const group of metadata.row_groups) groups.push(groups.at(-1)! + Number(group.num_rows));
  return {
    columns: parquetSchema(metadata).children.map(({ element }) => element.name),
    huggingface: metadata.key_value_metadata?.find(({ key }) => key === "huggingface")?.value,
    groups,
  };
}

async function readCells(path: string, { column, from, to, text }: ParquetRows): Promise<unknown[]> {
  const rows = await parquetReadObjects({
    ...(await openFile(path)),
    columns: [column],
    rowStart: from,
    rowEnd: to,
    compressors,
    utf8: text,
  });
  return rows.map((row) => row[column]);
}

parentPort!.on("message", async ({ path, rows }: ParquetQuestion) => {
  let answer: ParquetAnswer;
  try {
    answer = { found: rows ? await readCells(path, rows) : await describe(path) };
  } catch (cause) {
    answer = { failure: (cause as Error).message };
  }
  parentPort!.postMessage(answer);
});
