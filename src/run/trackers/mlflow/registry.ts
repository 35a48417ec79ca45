// Versions of MLflow's registered models.
import { z } from "zod";
import { anything, isCode, type MlflowServer } from "./server.ts";

const found = z.object({
  model_versions: z
    .array(z.object({ tags: z.array(z.object({ key: z.string(), value: z.string() })).default([]) }))
    .default([]),
});

/** A file of a run that becomes a version of a model. */
interface ModelFile {
  /** Name of the registered model. */
  readonly name: string;
  readonly run: string;
  readonly sha256: string;
  /** The address of its folder. */
  readonly source: string;
}

/** Makes a version of a registered model, unless that was done before. @throws `MlflowError` */
export async function registerVersion(server: MlflowServer, { name, run, sha256, source }: ModelFile): Promise<void> {
  try {
    await server.post("registered-models/create", { name }, anything);
  } catch (cause) {
    if (!isCode(cause, "RESOURCE_ALREADY_EXISTS")) throw cause;
  }
  const query = { filter: `run_id = '${run}'`, max_results: "200" };
  const { model_versions: versions } = await server.get("model-versions/search", query, found);
  const tag = { key: "genclass.sha256", value: sha256 };
  // One that was made although its answer was lost is not made again.
  if (versions.some(({ tags }) => tags.some(({ key, value }) => key === tag.key && value === tag.value))) return;
  await server.post("model-versions/create", { name, source, run_id: run, tags: [tag] }, anything);
}
