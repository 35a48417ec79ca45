// The Python that has MLflow and TensorBoard, where there is one (CONTRIBUTING.md): tests that need it are else skipped by name.
import { spawnSync } from "node:child_process";

/** Names the Python of an environment with these packages. */
const VARIABLE = "GENCLASS_TEST_TRACKERS";

/** The Python with a module, or why there is none, for the name of what is skipped. */
export function trackersPython(module: string): { readonly python?: string; readonly skipped: string } {
  const python = process.env[VARIABLE];
  if (!python) return { skipped: ` (${VARIABLE} names no Python with ${module})` };
  const find = `import importlib.util, sys; sys.exit(importlib.util.find_spec("${module}") is None)`;
  const { status } = spawnSync(python, ["-c", find]);
  return status === 0 ? { python, skipped: "" } : { skipped: ` (${python} has no ${module})` };
}
