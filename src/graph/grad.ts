// Reverse-mode differentiation. Derivatives are graphs of ordinary ops, so they nest to any order.
import { sameShape, zeros } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import { add } from "./ops/index.ts";
import { constant, full, type Tensor, topological, typeText } from "./tensor.ts";

/**
 * The derivative of a scalar with respect to each of `targets`, as float32 tensors of their shapes. It is zero where `y` does
 * not depend on a target, and where it depends on it only through piecewise constant ops (comparisons, floor, a cast to
 * whole numbers): those pass nothing back.
 * @param adjoint when given, `y` may have any shape, and the result is the product of `adjoint`, of that shape, with the
 *   Jacobian
 * @throws `E_GRAD` when `y` is not a scalar and there is no `adjoint`, or when an op between `y` and a target has no known
 *   derivative
 */
export function grad(y: Tensor, targets: readonly Tensor[], adjoint?: Tensor): Tensor[] {
  if (!adjoint && y.shape.length !== 0)
    fail("E_GRAD", `grad: expected a scalar, got ${typeText(y)}; take sum() or mean() of it, or give an adjoint`);
  const order = topological([y]);
  // What depends on a target in a way that a derivative sees.
  const leads = new Set<Tensor>(targets);
  const flows = (x: Tensor) => leads.has(x) && x.dtype === "float32";
  for (const node of order) if (node.op.grad !== "zero" && node.inputs.some(flows)) leads.add(node);
  const adjoints = new Map<Tensor, Tensor>([[y, adjoint ?? full([], 1)]]);
  for (const node of order.reverse()) {
    const dy = adjoints.get(node);
    const { name, grad: rule } = node.op;
    const needs = node.inputs.map(flows);
    if (!dy || rule === "zero" || !needs.includes(true)) continue;
    if (rule === "none")
      fail(
        "E_GRAD",
        `grad: ${name} (${node.inputs.map(typeText).join(", ")} -> ${typeText(node)}) has no derivative, and lies between the result and what it is to be derived by; compute its operand from what is not to be derived by, or write the value in ops that have one`,
      );
    rule(node, dy, needs).forEach((part, i) => {
      const x = node.inputs[i]!;
      if (!part || !needs[i]) return;
      if (!sameShape(part.shape, x.shape))
        fail("E_GRAD", `internal: ${name} gave an adjoint ${typeText(part)} for input ${i}, ${typeText(x)}`);
      const sofar = adjoints.get(x);
      adjoints.set(x, sofar ? add(sofar, part) : part);
    });
  }
  return targets.map((target) => adjoints.get(target) ?? constant(zeros(target.shape)));
}
