// Files of a run as MLflow keeps them: where, and how it recognises a model among them.

/** The exported model. */
export const MODEL = "model.onnx";

/** The folder in which MLflow looks for a model: each file has its own, so that a version of a registered model keeps its bytes. */
export const modelFolder = (sha256: string): string => `model-${sha256.slice(0, 12)}`;

/**
 * Where a server keeps the files of a run, as segments of a path.
 * @param uri what it says of the run
 * @param host its own
 * @returns undefined where it does not keep them itself, or says what leads elsewhere
 */
export function artifactPlace(uri: string, host: string): string[] | undefined {
  if (!URL.canParse(uri)) return undefined;
  const url = new URL(uri);
  if (url.protocol !== "mlflow-artifacts:" || (url.host !== "" && url.host !== host)) return undefined;
  const segments = url.pathname.split("/").filter((segment) => segment !== "");
  // Names alone, so that none leads out of the place for artifacts.
  return segments.every((segment) => /^[\w@:+-][\w.@:+-]*$/.test(segment)) ? segments : undefined;
}

/** What MLflow reads of a folder with a model in it. */
export const mlModel = (folder: string, version: string): string => `artifact_path: ${folder}
flavors:
  onnx:
    code: null
    data: ${MODEL}
    onnx_session_options: null
    onnx_version: ">=1.12"
    providers: [CPUExecutionProvider]
  python_function:
    data: ${MODEL}
    loader_module: mlflow.onnx
    python_version: "3.11"
metadata: { genclass: ${JSON.stringify(version)} }
`;
