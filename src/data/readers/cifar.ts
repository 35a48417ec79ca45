// The binary versions of CIFAR: records of label bytes (one, or coarse and fine) and 3 x 1024 bytes (red, green, blue planes).
import { fail } from "../../base/errors.ts";
import type { ImageSet } from "../dataset.ts";
import { inMemory } from "../pixels.ts";
import { gunzip } from "./gzip.ts";

const SIDE = 32;
const PLANE = SIDE * SIDE;

/**
 * The pictures `[32, 32, 3]` of several files as one set, in order.
 * @param files their names for messages, and their bytes, compressed with gzip or not
 * @param classes 10; or 100, where a record has two label bytes, of which the second, the fine class, counts
 * @throws `E_DATA_FORMAT`, `E_DATA_LABEL` naming the file
 */
export function parseCifar(files: readonly { name: string; bytes: Uint8Array }[], classes: 10 | 100): ImageSet {
  const head = classes === 100 ? 2 : 1;
  const record = head + 3 * PLANE;
  const parts = files.map(({ name, bytes }) => ({ name, raw: gunzip(bytes, name) }));
  const count = parts.reduce((n, { raw }) => n + Math.floor(raw.length / record), 0);
  const pixels = new Uint8Array(count * 3 * PLANE);
  const labels = new Int32Array(count);
  let at = 0;
  for (const { name, raw } of parts) {
    if (raw.length === 0 || raw.length % record !== 0)
      fail(
        "E_DATA_FORMAT",
        `${name}: ${raw.length} bytes; expected a multiple of ${record} (label, then 32x32 red, green and blue); truncated? fetch it again`,
      );
    for (let from = 0; from < raw.length; from += record, at++) {
      const label = raw[from + head - 1]!;
      if (label >= classes)
        fail("E_DATA_LABEL", `${name}: record ${from / record} has label ${label}; expected 0..${classes - 1}`);
      labels[at] = label;
      for (let i = 0; i < PLANE; i++)
        for (let k = 0; k < 3; k++) pixels[(at * PLANE + i) * 3 + k] = raw[from + head + k * PLANE + i]!;
    }
  }
  return { height: SIDE, width: SIDE, channels: 3, pixels: inMemory(3 * PLANE, pixels), labels };
}
