// The float64 interpreter: slow and plain, the oracle that backends and derivatives are checked against.
import { type NdArray, sameShape } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import { isInput, type Tensor, topological, typeText } from "./tensor.ts";

/**
 * Values of `outputs`, computed in float64.
 * @param feeds a value for every input by name
 * @throws `E_NAME` for an input without a value, `E_SHAPE` for one of another shape
 */
export function interpret(outputs: readonly Tensor[], feeds: Readonly<Record<string, NdArray>> = {}): NdArray[] {
  const values = new Map<Tensor, NdArray>();
  for (const node of topological(outputs)) {
    if (isInput(node)) {
      const value = feeds[node.attrs.name];
      if (!value)
        fail("E_NAME", `interpret: input "${node.attrs.name}" has no value; given: ${Object.keys(feeds).join(", ")}`);
      if (!sameShape(value.shape, node.shape))
        fail("E_SHAPE", `interpret: input "${node.attrs.name}" expects ${typeText(node)}, got ${typeText(value)}`);
      values.set(node, value);
    } else {
      const data = node.op.evaluate(
        node.inputs.map((x) => values.get(x)!),
        node.attrs,
        node,
      );
      values.set(node, { shape: node.shape, dtype: node.dtype, data });
    }
  }
  return outputs.map((output) => values.get(output)!);
}
