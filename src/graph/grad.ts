// Reverse-mode differentiation. Derivatives are graphs of ordinary ops, so they nest to any order.
import { sameShape, zeros } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import { add } from "./ops/index.ts";
import { constant, full, type Tensor, topological, typeText } from "./tensor.ts";

/**
 * The derivative of a scalar with respect to each of `targets`, as tensors of their shapes.
 * @param adjoint when given, `y` may have any shape, and the result is the product of `adjoint` with the Jacobian
 * @throws `E_GRAD` when `y` is not a scalar and there is no `adjoint`, or when an op on the way has no derivative
 */
export function grad(y: Tensor, targets: readonly Tensor[], adjoint?: Tensor): Tensor[] {
  if (!adjoint && y.shape.length !== 0)
    fail("E_GRAD", `grad: expected a scalar, got ${typeText(y)}; take sum() or mean() of it, or give an adjoint`);
  const order = topological([y]);
  const leads = new Set<Tensor>(targets);
  for (const node of order) if (node.inputs.some((x) => leads.has(x))) leads.add(node);
  const adjoints = new Map<Tensor, Tensor>([[y, adjoint ?? full([], 1)]]);
  for (const node of order.reverse()) {
    const dy = adjoints.get(node);
    if (!dy || !leads.has(node) || node.inputs.length === 0) continue;
    const needs = node.inputs.map((x) => leads.has(x) && x.dtype === "float32");
    if (!needs.some(Boolean) || !node.op.grad) continue;
    node.op.grad(node, dy, needs).forEach((part, i) => {
      const x = node.inputs[i]!;
      if (!part || !needs[i]) return;
      if (!sameShape(part.shape, x.shape))
        fail("E_GRAD", `internal: ${node.op.name} gave an adjoint ${typeText(part)} for input ${i}, ${typeText(x)}`);
      const sofar = adjoints.get(x);
      adjoints.set(x, sofar ? add(sofar, part) : part);
    });
  }
  return targets.map((target) => adjoints.get(target) ?? constant(zeros(target.shape)));
}
