// More labelled pictures for a training part: generated ones, or those of another source. They take a fixed share of each
// batch, however many they are, and the set's own pictures decide how long an epoch is.
import { fail } from "../base/errors.ts";
import { type Dataset, type ImageSet, joined, keptPartner } from "./dataset.ts";

/**
 * Adds the training pictures of `more` to the training part of `data`. Batches that take pictures with labels give them
 * `share` of their places (see `StreamBatches`); no other part of `data` changes.
 * @param more its classes are found by name among those of `data`; where it has soft labels, these are what is learnt of its pictures
 * @param share above 0 and up to 1
 * @throws `E_DATA_LABEL` for a class that `data` does not have, or pictures without labels; `E_DATA_FORMAT` for pictures of
 * another shape, or to be added to pairs; `E_DATA_EMPTY` for no pictures
 */
export function withAdded(data: Dataset, more: Dataset, share: number): Dataset {
  const { train } = more;
  const shape = ({ height, width, channels }: ImageSet) => `${height}x${width}x${channels}`;
  if (shape(train) !== shape(data.train))
    fail(
      "E_DATA_FORMAT",
      `the added pictures of ${more.name} are ${shape(train)}, the training pictures ${shape(data.train)}; expected the same`,
    );
  if (keptPartner(data.train))
    fail("E_DATA_FORMAT", `pictures cannot be added to ${data.name}, which has pairs of pictures; leave --add out`);
  const unknown = more.classes.find((name) => !data.classes.includes(name));
  if (unknown !== undefined)
    fail(
      "E_DATA_LABEL",
      `the added pictures of ${more.name} have the class "${unknown}"; expected those of ${data.name}: ${data.classes.join(", ")}. Rename the class, or take it out`,
    );
  if (train.labels.length === 0)
    fail("E_DATA_EMPTY", `${more.name} has no pictures to add; leave it out, or name another`);
  const without = train.labels.reduce((count, label) => count + Number(label < 0), 0);
  if (without > 0)
    fail(
      "E_DATA_LABEL",
      `${without} of the ${train.labels.length} added pictures of ${more.name} have no label; expected one for each. --unlabelled takes pictures without labels`,
    );
  const codes = more.classes.map((name) => data.classes.indexOf(name));
  const labelled = { ...train, labels: train.labels.map((label) => codes[label]!) };
  const soft = train.soft && inColumns(train.soft, codes, data.classes.length);
  return {
    ...data,
    train: { ...joined(data.train, labelled), added: { count: train.labels.length, share, ...(soft ? { soft } : {}) } },
    warnings: [...data.warnings, ...more.warnings],
  };
}

/** Rows whose column c is column `to[c]` of `width`, the others 0. */
function inColumns(rows: Float32Array, to: readonly number[], width: number): Float32Array {
  const n = rows.length / to.length;
  const moved = new Float32Array(n * width);
  for (let i = 0; i < n; i++)
    for (const [c, column] of to.entries()) moved[i * width + column] = rows[i * to.length + c]!;
  return moved;
}
