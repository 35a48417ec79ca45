// Files that stay open while pictures are read from them.
import { closeSync, openSync, readSync } from "node:fs";

/** Does `work` with an open file, and closes it. */
export function withFile<T>(path: string, work: (file: OpenFile) => T): T {
  const file = new OpenFile(path, "r");
  try {
    return work(file);
  } finally {
    file.close();
  }
}

const abandoned = new FinalizationRegistry<number>((handle) => closeSync(handle));

/** An open file. Its handle is closed with it: when nothing refers to it any longer. */
export class OpenFile {
  readonly handle: number;

  /** @param flags as of `fs.open`, such as `r` */
  constructor(path: string, flags: string) {
    this.handle = openSync(path, flags);
    abandoned.register(this, this.handle, this);
  }

  /** Reads `size` bytes from byte `from` on into `out` at `at`. @returns whether so many were there */
  read(out: Uint8Array, at: number, size: number, from: number): boolean {
    let read = 0;
    while (read < size) {
      const more = readSync(this.handle, out, at + read, size - read, from + read);
      if (more === 0) return false;
      read += more;
    }
    return true;
  }

  /** Closes it now. */
  close(): void {
    abandoned.unregister(this);
    closeSync(this.handle);
  }
}
