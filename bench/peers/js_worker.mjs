// Times TensorFlow.js (WebAssembly) or jax-js (WebAssembly) on the jobs that they can run: the MLP VAE. The protocol is
// that of the other workers. node js_worker.mjs tfjs|jax mlp-vae
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const SIZES = { e1: [784, 400], mean: [400, 20], logVariance: [400, 20], d1: [20, 400], d2: [400, 784] };
const [RATE, BETA1, BETA2, EPSILON] = [1e-3, 0.9, 0.999, 1e-8];

/** Uniform ±1/√fan in, as the other workers' nets begin. */
const first = ([rows, columns]) =>
  Float32Array.from({ length: rows * columns }, () => (2 * Math.random() - 1) / Math.sqrt(rows));
const bytes = () => Float32Array.from({ length: 128 * 784 }, () => Math.floor(Math.random() * 256) / 255);
const normals = (n) =>
  Float32Array.from(
    { length: n },
    () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random()),
  );

async function tensorflow() {
  const { default: tf } = await import("@tensorflow/tfjs");
  const wasm = await import("@tensorflow/tfjs-backend-wasm");
  // Its own loader fetches the file; Node's fetch has no file scheme.
  const folder = fileURLToPath(new URL("node_modules/@tensorflow/tfjs-backend-wasm/dist/", import.meta.url));
  globalThis.fetch = async (url) =>
    new Response(readFileSync(String(url).replace("file://", "")), { headers: { "content-type": "application/wasm" } });
  wasm.setWasmPaths(folder);
  await tf.setBackend("wasm");
  await tf.ready();
  const weights = Object.fromEntries(
    Object.entries(SIZES).map(([name, size]) => [name, tf.variable(tf.tensor2d(first(size), size))]),
  );
  const biases = Object.fromEntries(
    Object.entries(SIZES).map(([name, [, units]]) => [name, tf.variable(tf.zeros([units]))]),
  );
  const dense = (name, x) => tf.add(tf.matMul(x, weights[name]), biases[name]);
  const optimizer = tf.train.adam(RATE, BETA1, BETA2, EPSILON);
  const data = bytes();
  return async () => {
    const loss = optimizer.minimize(() => {
      const x = tf.tensor2d(data, [128, 784]);
      const h = tf.relu(dense("e1", x));
      const [mean, logVariance] = [dense("mean", h), dense("logVariance", h)];
      const z = tf.add(mean, tf.mul(tf.exp(tf.mul(logVariance, 0.5)), tf.tensor2d(normals(128 * 20), [128, 20])));
      const logits = dense("d2", tf.relu(dense("d1", z)));
      const reconstruction = tf.sum(tf.sub(tf.softplus(logits), tf.mul(x, logits)));
      const kl = tf.mul(0.5, tf.sum(tf.sub(tf.sub(tf.add(tf.square(mean), tf.exp(logVariance)), logVariance), 1)));
      return tf.div(tf.add(reconstruction, kl), 128);
    }, true);
    await loss.data();
    loss.dispose();
  };
}

async function jax() {
  const { grad, init, jit, numpy: np } = await import("@jax-js/jax");
  await init("wasm");
  const names = Object.keys(SIZES);
  const array = (values, shape) => np.array(values, { shape, dtype: np.float32 });
  const zeros = (shape) => np.zeros(shape);
  const shapes = Object.fromEntries(
    names.flatMap((name) => [
      [`w_${name}`, SIZES[name]],
      [`b_${name}`, [SIZES[name][1]]],
    ]),
  );
  const make = (f) => Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, f(name, shape)]));
  const p = make((name, shape) => (name.startsWith("w_") ? array(first(shape), shape) : zeros(shape)));
  const m = make((_, shape) => zeros(shape));
  const v = make((_, shape) => zeros(shape));
  // Arguments are consumed: .ref where a value is used again.
  const dense = (params, name, x) => np.matmul(x, params[`w_${name}`]).add(params[`b_${name}`]);
  const relu = (x) => np.maximum(x, 0);
  const loss = (params, x, noise) => {
    const h = relu(dense(params, "e1", x.ref));
    const [mean, logVariance] = [dense(params, "mean", h.ref), dense(params, "logVariance", h)];
    const z = mean.ref.add(np.exp(logVariance.ref.mul(0.5)).mul(noise));
    const logits = dense(params, "d2", relu(dense(params, "d1", z)));
    const softplus = np.maximum(logits.ref, 0).add(np.log(np.exp(np.absolute(logits.ref).mul(-1)).add(1)));
    const reconstruction = softplus.sub(x.mul(logits)).sum();
    const kl = np.square(mean).add(np.exp(logVariance.ref)).sub(logVariance).sub(1).sum().mul(0.5);
    return reconstruction.add(kl).mul(1 / 128);
  };
  const slope = jit(grad(loss));
  const adam = jit((w, g, m0, v0, size, epsilon) => {
    const m1 = m0.mul(BETA1).add(g.ref.mul(1 - BETA1));
    const v1 = v0.mul(BETA2).add(np.square(g).mul(1 - BETA2));
    return [w.sub(m1.ref.mul(size).div(np.sqrt(v1.ref).add(epsilon))), m1, v1];
  });
  const data = bytes();
  let t = 0;
  return async () => {
    t++;
    const g = slope(
      Object.fromEntries(Object.entries(p).map(([name, value]) => [name, value.ref])),
      array(data, [128, 784]),
      array(normals(128 * 20), [128, 20]),
    );
    const correction = Math.sqrt(1 - BETA2 ** t);
    for (const name of Object.keys(shapes))
      [p[name], m[name], v[name]] = adam(
        p[name],
        g[name],
        m[name],
        v[name],
        np.array((RATE * correction) / (1 - BETA1 ** t)),
        np.array(EPSILON * correction),
      );
    await p.b_mean.ref.data();
  };
}

const once = await { tfjs: tensorflow, jax }[process.argv[2]]();
for await (const line of createInterface({ input: process.stdin })) {
  const ms = [];
  for (let i = 0; i < Number(line.split(" ")[1]); i++) {
    const begun = performance.now();
    await once();
    ms.push(performance.now() - begun);
  }
  process.stdout.write(`${JSON.stringify({ ms, peakMb: process.resourceUsage().maxRSS / 1024 })}\n`);
}
