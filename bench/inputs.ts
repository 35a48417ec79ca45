import { type NdArray, zeros } from "../src/base/array.ts";

/** Random values of an input. */
export function randomInput(name: string, shape: readonly number[], dtype: NdArray["dtype"]): NdArray {
  const value = zeros(shape, dtype);
  for (let i = 0; i < value.data.length; i++)
    value.data[i] =
      dtype === "uint8"
        ? Math.random() * 256
        : dtype === "int32"
          ? Math.random() * 10
          : Math.sqrt(-2 * Math.log(Math.random())) * Math.cos(6.2831853 * Math.random());
  if (name.endsWith("/weights")) value.data.fill(1);
  return value;
}
