// Tokens to text as they arrive, never half a character.

/** Turns a stream of token ids into text. One stream each. */
export class StreamDecoder {
  // Holds back the bytes of an unfinished character itself. A byte order mark is text like any other.
  private readonly decoder = new TextDecoder('utf-8', { ignoreBOM: true })

  /** `bytesOf`: the bytes of a token that are to appear in the text; empty when none are. */
  constructor(private readonly bytesOf: (id: number) => Uint8Array) {}

  /**
   * Text that token `id` completes. It is empty while a character is unfinished; bytes that can no longer become a
   * character are U+FFFD.
   *
   * @throws FakError `TOK_UNKNOWN_ID`
   */
  push(id: number): string {
    return this.decoder.decode(this.bytesOf(id), { stream: true })
  }

  /** What is left: nothing, or U+FFFD for a character that was never finished. The decoder can then begin another text. */
  end(): string {
    return this.decoder.decode()
  }
}
