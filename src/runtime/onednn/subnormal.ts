// Subnormal numbers, below 2^-126 in float32, as zeros. A processor computes them by microcode: where a hundredth of a matrix's
// values were subnormal, a product took 18 times as long, and 215 times where all were. Gradients and their means get there.
import { koffi } from "../foreign.ts";

/** Bits of the control register of vector arithmetic, MXCSR: subnormal operands are zeros, and subnormal results. */
const ZEROS = 0x8040;
/** The floating-point environment of C on Linux x64, `fenv_t` of glibc and musl alike: 32 bytes, of which MXCSR is the last four. */
const [ENVIRONMENT_BYTES, MXCSR] = [32, 28];
/** The C library of glibc has these functions in a library of its own, that of musl among all others. */
const LIBRARIES = ["libm.so.6", "libc.musl-x86_64.so.1"];

/**
 * Lets the calling thread take subnormal numbers for zeros from now on, in C, WebAssembly and JavaScript alike, as frameworks do that
 * train (`torch.set_flush_denormal`). It is for a thread that does nothing but compute.
 * @returns whether it does: on Linux x64; elsewhere all stays as it was, and results differ by what is below 2^-126
 */
export function flushSubnormals(platform: string = process.platform, arch: string = process.arch): boolean {
  if (platform !== "linux" || arch !== "x64") return false;
  for (const name of LIBRARIES) {
    try {
      const library = koffi.load(name);
      const environment = new DataView(new ArrayBuffer(ENVIRONMENT_BYTES));
      const of = (what: string) => library.func(what, "int", ["void *"])(new Uint8Array(environment.buffer)) as number;
      if (of("fegetenv") !== 0) return false;
      environment.setUint32(MXCSR, environment.getUint32(MXCSR, true) | ZEROS, true);
      return of("fesetenv") === 0;
    } catch {
      // It is not there, or lacks these functions, without which results are right, only slower.
    }
  }
  return false;
}
