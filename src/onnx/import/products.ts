// Gemm and MatMul.
import * as g from "../../graph/ops/index.ts";
import type { Importer } from "./call.ts";
import { asInFile, computed, fileOrder } from "./values.ts";

const gemm: Importer = (call) => {
  const a = call.computed(0);
  const b = call.value(1);
  if (a.shape.length !== 2 || b.shape.length !== 2) call.refuse(`[${a.shape}] and [${b.shape}] are not two matrices`);
  const left = asInFile(a);
  const right = b.kind === "known" ? call.weight(b) : asInFile(b);
  let y = g.matmul(left, right, call.int("transA", 0) === 1, call.int("transB", 0) === 1);
  const [alpha, beta] = [call.float("alpha", 1), call.float("beta", 1)];
  if (alpha !== 1) y = g.mul(y, alpha);
  const like = { learned: true, level: call.level };
  if (!call.has(2) || beta === 0) return computed(y, fileOrder(2), like);
  const bias = call.beside(call.value(2), computed(y, fileOrder(2), like));
  return computed(g.add(y, beta === 1 ? bias : g.mul(bias, beta)), fileOrder(2), like);
};

const matMul: Importer = (call) => {
  const [a, b] = [call.computed(0), call.value(1)];
  const left = asInFile(a);
  const right = b.kind === "known" ? call.weight(b) : asInFile(b);
  if (left.shape.length < 2 || right.shape.length < 2)
    call.refuse(`[${left.shape}] and [${right.shape}] are not matrices`);
  const y = g.matmul(left, right);
  const learned = call.learned || b.kind === "known";
  return computed(y, fileOrder(y.shape.length), { learned, level: call.level });
};

export const PRODUCTS: Readonly<Record<string, Importer>> = { Gemm: gemm, MatMul: matMul };
