// What an archive of files is, in whatever format.

/** A file in an archive. */
export interface ArchiveMember {
  /** Its path, as the archive gives it: it may be hostile. */
  readonly name: string;
  /** Bytes of its content, as the archive says. */
  readonly size: number;
}

/** An archive as it is read from. */
export interface Archive {
  /** Its files, without folders, links and devices. */
  readonly members: readonly ArchiveMember[];
  /** The content of member number `index`. @throws an error when it is damaged */
  read(index: number): Uint8Array;
}
