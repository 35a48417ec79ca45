// Soft labels of added pictures, as a table of which batches carry the rows.
import type { Table } from "../data/batches.ts";
import { type ImageSet, ownCount } from "../data/dataset.ts";
import { SOFT } from "../predict/batch.ts";

/**
 * What the class loss learns of each picture, where some have soft labels: these, and the whole weight on its label for the others.
 * @param hasSoft whether the training part has soft labels; without them there is no table
 * @param k number of classes
 */
export function softTable(set: ImageSet, k: number, hasSoft: boolean): Record<string, Table> {
  if (!hasSoft) return {};
  const rows = new Float32Array(set.labels.length * k);
  for (const [i, label] of set.labels.entries()) if (label >= 0) rows[i * k + label] = 1;
  if (set.added?.soft) rows.set(set.added.soft, ownCount(set) * k);
  return { [SOFT]: { shape: [k], rows } };
}
