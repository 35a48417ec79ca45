// The mirror image of a picture.
import type { PictureShape } from "../picture.ts";

/** Mirrors a picture `[h, w, c]`, left and right, in place. */
export function mirror(picture: Uint8Array, { height: h, width: w, channels: c }: PictureShape): void {
  for (let row = 0; row < h * w * c; row += w * c)
    for (let left = 0, right = w - 1; left < right; left++, right--)
      for (let k = 0; k < c; k++) {
        const [a, b] = [row + left * c + k, row + right * c + k];
        [picture[a], picture[b]] = [picture[b]!, picture[a]!];
      }
}
