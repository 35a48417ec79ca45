// The graph language by itself: a logistic regression, its derivative as a graph, and a compiled training step.
import { ops as g, grad, input, nativeBackend, ndarray, Program, print } from "genclass/node";

const x = input("x", [4, 2]);
const target = input("target", [4, 1]);
const weights = input("state:weights", [2, 1]);
const logits = g.matmul(x, weights);
const loss = g.mean(g.sub(g.softplus(logits), g.mul(target, logits)));
const [slope] = grad(loss, [weights]);
console.log(print([loss, slope!]));

const step = { name: "step", updates: new Map([["weights", g.sub(weights, slope!)]]), log: new Map([["loss", loss]]) };
const program = await Program.create(
  nativeBackend(),
  [step],
  new Map([["weights", ndarray("float32", [2, 1], [0, 0])]]),
);
const feeds = {
  x: ndarray("float32", [4, 2], [0, 1, 1, 0, -1, 0, 0, -1]),
  target: ndarray("float32", [4, 1], [1, 1, 0, 0]),
};
for (let i = 0; i < 100; i++) await program.run("step", feeds);
const { loss: last } = await program.run("step", feeds);
console.log("loss", last!.data[0]);
await program.dispose();
