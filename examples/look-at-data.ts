// Opens a source with few labels, and looks for duplicates in it.
import { checkData, open, placeName } from "genclass/node";

const data = await open(process.argv[2] ?? "glyphs", { labels: { total: 100 }, seed: 1 });
const labelled = data.train.labels.filter((label) => label >= 0).length;
console.log(`${labelled} of ${data.train.labels.length} training pictures keep their label`);

const { exact, near, missing } = await checkData(data);
console.log(`${exact.length} exact and ${near.length} near duplicates, ${missing.length} classes missing from a part`);
for (const { a, b, similarity } of near.slice(0, 5))
  console.log(placeName(data, a), placeName(data, b), similarity.toFixed(3));
