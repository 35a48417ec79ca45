// A graph as text, one line a node in the order of computation; snapshots of it show a doubled product as a diff line.
import { isConstant, isInput, type Tensor, topological, typeText } from "./tensor.ts";

/** `%3 float32[64,10] = matmul %1 %2 {transposeA: false, …}` */
export function print(outputs: readonly Tensor[]): string {
  const names = new Map<Tensor, string>();
  const lines: string[] = [];
  let count = 0;
  for (const node of topological(outputs)) {
    if (isConstant(node) && node.shape.length === 0) {
      names.set(node, String(node.attrs.value.data[0]));
      continue;
    }
    const name = isInput(node) ? `$${node.attrs.name}` : `%${count++}`;
    names.set(node, name);
    if (isInput(node)) lines.push(`${name} ${typeText(node)}`);
    else if (isConstant(node)) lines.push(`${name} ${typeText(node)} = constant`);
    else
      lines.push(
        `${name} ${typeText(node)} = ${[node.op.name, ...node.inputs.map((x) => names.get(x))].join(" ")}${attributes(node)}`,
      );
  }
  return [...lines, `-> ${outputs.map((x) => names.get(x)).join(" ")}`].join("\n");
}

function attributes(node: Tensor): string {
  const shown = Object.entries(node.attrs).filter(([key]) => key !== "shape");
  return shown.length === 0 ? "" : ` {${shown.map(([key, value]) => `${key}: ${JSON.stringify(value)}`).join(", ")}}`;
}
