// Signals that end training: what is trained so far is saved.
import { warn } from "./render.ts";

/** What ends a run from outside: Ctrl-C, `kill`, a terminal that is closed. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * While it trains, the first signal ends a run after the steps in flight, so that they are saved, and the second at once;
 * before, while data is read, there is nothing to save and the first ends it at once.
 */
export function interruptSwitch(): { readonly pressed: boolean; trains(): void; release(): void } {
  const state = { pressed: false, trains: false };
  const press = () => {
    if (!state.trains) warn("stopped before training began");
    if (!state.trains || state.pressed) process.exit(1);
    state.pressed = true;
    warn("stopping after the steps in flight; press Ctrl-C again to stop at once");
  };
  for (const signal of SIGNALS) process.on(signal, press);
  return {
    get pressed() {
      return state.pressed;
    },
    trains() {
      state.trains = true;
    },
    release() {
      for (const signal of SIGNALS) process.off(signal, press);
    },
  };
}
