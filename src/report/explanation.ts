// An explanation as pictures.

/** Where two pictures differ, as a picture: grey where they are alike, lighter where the second is brighter. Bytes of one shape. */
export const differenceMap = (from: Uint8Array, to: Uint8Array): Uint8Array =>
  from.map((value, i) => 128 + Math.trunc((to[i]! - value) / 2));

/**
 * A row of pictures: the one that is explained, those between, the changed one, and where the two differ.
 * @param picture bytes of one picture
 */
export const explanationRow = (
  picture: Uint8Array,
  { between, changed }: { readonly between: Uint8Array; readonly changed: Uint8Array },
): Uint8Array => Buffer.concat([picture, between, changed, differenceMap(picture, changed)]);
