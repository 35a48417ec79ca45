// The library for browsers: the core with onnxruntime for WebAssembly as the backend, pictures of a page, and models that stay.
export * from "./index.ts";
export { type ExportedHead, exportHead } from "./predict/export.ts";
export { type Generated, type GenerateOptions, generate, SAMPLERS, type Sampler } from "./predict/generate.ts";
export type { CallOptions, HeadFeeds, HeadGraph } from "./predict/head-runner.ts";
export type { NoveltyBasis } from "./predict/novelty.ts";
export type { Prediction } from "./predict/prediction.ts";
export {
  type ModelConfig,
  TrainedModel,
  type TrainedWeights,
} from "./predict/trained.ts";
export { type WasmOptions, wasmBackend as webBackend } from "./runtime/wasm.ts";
export { forget, type KeptModel, keep, kept } from "./web/kept.ts";
export { type PictureShape, picturePixels } from "./web/pictures.ts";
