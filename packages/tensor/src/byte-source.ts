// ByteSource: random access to the bytes of a file, wherever they lie. Readers ask for ranges and never for "all of it".

/** Random access to a fixed run of bytes: a file, a Blob, a URL served with ranges, or memory. */
export interface ByteSource {
  /** The file as the caller named it, for messages; `null` when it has no name. */
  readonly name: string | null
  /** Total size in bytes. */
  readonly size: number
  /** Path of a regular local file with these bytes, when there is one: an executor may map it instead of reading. */
  readonly path?: string
  /** The bytes themselves when they are already in memory. */
  readonly bytes?: Uint8Array
  /**
   * Reads exactly `length` bytes at `offset`.
   *
   * @throws FakError `READ_OUT_OF_RANGE` beyond the end, `READ_FAILED`, `FILE_CHANGED` or `OUT_OF_MEMORY` when the
   *   bytes cannot be had. An aborted signal throws its own reason.
   */
  read(offset: number, length: number, options?: { signal?: AbortSignal }): Promise<Uint8Array>
  /** Releases the file or connection. Reading afterwards is an error. Safe to call twice. */
  close(): Promise<void>
}
