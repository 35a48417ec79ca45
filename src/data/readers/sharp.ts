// The picture library, loaded when the first picture is touched. Once its native code is in the process, onnxruntime's
// small steps take up to half as long again (measured: MLP VAE 4.8 against 7.1 ms), so training without pictures to decode
// must not load it.
import type sharpFactory from "sharp";

export async function loadSharp(): Promise<typeof sharpFactory> {
  return (await import("sharp")).default;
}
