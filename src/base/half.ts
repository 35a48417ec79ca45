// Half floats (IEEE 754 binary16), by their bits.

/** The value of a half float. */
export function halfToNumber(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const size =
    exponent === 0
      ? fraction * 2 ** -24
      : exponent < 31
        ? (1 + fraction / 1024) * 2 ** (exponent - 15)
        : fraction === 0
          ? Number.POSITIVE_INFINITY
          : Number.NaN;
  return bits & 0x8000 ? -size : size;
}

/** The half float nearest to a value, ties to even; infinity beyond 65504. */
export function numberToHalf(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (size >= 65520) return sign | 0x7c00;
  // Below 2^-14 the steps stay 2^-24.
  const exponent = Math.max(-14, size > 0 ? Math.floor(Math.log2(size)) : -14);
  const steps = roundToEven(size * 2 ** (10 - exponent));
  return sign | (steps + ((exponent + 14) << 10));
}

function roundToEven(x: number): number {
  const low = Math.floor(x);
  const rest = x - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low;
}
