// onnxruntime's telemetry is switched off. From version 1.29 on the official builds for Linux and macOS write a device number and
// a database of events into the user's cache folder and send the events away, unless the environment says otherwise.
import { koffi } from "./foreign.ts";

/** What onnxruntime reads when its environment is made (its docs/Privacy.md); any value but 0 switches the sender off. */
const SWITCH = "ORT_DISABLE_TELEMETRY";

/**
 * Sets the variable that keeps onnxruntime from starting its telemetry in this process. It is to be called before the library
 * is loaded: calling the library's `DisableTelemetryEvents` comes too late, since its environment has begun to send by then.
 * On Windows the telemetry is part of the system's, and that function is all there is.
 */
export function keepTelemetryOff(): void {
  if (process.platform === "win32") return;
  // The C library's own variables: `process.env` of a worker thread, and of other runtimes than Node, is a copy of them.
  koffi.load(null).func("setenv", "int", ["str", "str", "int"])(SWITCH, "1", 1);
}
