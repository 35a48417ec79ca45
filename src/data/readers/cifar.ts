// The binary version of CIFAR-10: records of one label byte and 3 x 1024 bytes (red, green, blue planes, row by row).
import { fail } from "../../base/errors.ts";
import type { ImageSet } from "../dataset.ts";
import { gunzip } from "./gzip.ts";

const SIDE = 32;
const PLANE = SIDE * SIDE;
const RECORD = 1 + 3 * PLANE;

/** Files of records, one after another, as one set. @throws `E_DATA_FORMAT`, `E_DATA_LABEL` naming the file */
export function parseCifar10(files: readonly { name: string; bytes: Uint8Array }[]): ImageSet {
  const parts = files.map(({ name, bytes }) => ({ name, raw: gunzip(bytes, name) }));
  const count = parts.reduce((n, { raw }) => n + Math.floor(raw.length / RECORD), 0);
  const pixels = new Uint8Array(count * 3 * PLANE);
  const labels = new Int32Array(count);
  let at = 0;
  for (const { name, raw } of parts) {
    if (raw.length === 0 || raw.length % RECORD !== 0)
      fail(
        "E_DATA_FORMAT",
        `${name}: ${raw.length} bytes; expected a multiple of ${RECORD} (label, then 32x32 red, green and blue); truncated? fetch it again`,
      );
    for (let from = 0; from < raw.length; from += RECORD, at++) {
      const label = raw[from]!;
      if (label > 9) fail("E_DATA_LABEL", `${name}: record ${from / RECORD} has label ${label}; expected 0..9`);
      labels[at] = label;
      for (let i = 0; i < PLANE; i++)
        for (let k = 0; k < 3; k++) pixels[(at * PLANE + i) * 3 + k] = raw[from + 1 + k * PLANE + i]!;
    }
  }
  return { height: SIDE, width: SIDE, channels: 3, pixels, labels };
}
