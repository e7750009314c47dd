// How a vocabulary file spells raw bytes: GPT-2's alphabet, in which every byte is a visible character.
// Source: `bytes_to_unicode` of OpenAI's gpt-2 `encoder.py`: printable Latin-1 characters stand for themselves,
// the other 68 bytes take the code points from 256 on, in ascending order of the byte.

/** One above the highest code point of the alphabet. */
export const ALPHABET_END = 256 + 68

/** Byte that a character of the alphabet stands for, or -1. Index: code point below {@link ALPHABET_END}. */
export const byteOfCharacter: Int16Array = buildAlphabet()

function buildAlphabet(): Int16Array {
  const table = new Int16Array(ALPHABET_END).fill(-1)
  let next = 256
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad)
    table[printable ? byte : next++] = byte
  }
  return table
}

/**
 * Writes the bytes that the UTF-8 text `bytes[start, end)` spells to `into` from `at`, and returns where they end; -1 when the text
 * holds a character outside the alphabet.
 */
export function decodeSpelling(bytes: Uint8Array, start: number, end: number, into: Uint8Array, at: number): number {
  let to = at
  for (let from = start; from < end; ) {
    let character = bytes[from++]!
    if (character >= 0x80) {
      // Two bytes of UTF-8 cover the whole alphabet.
      if (character < 0xc2 || character >= 0xe0 || from >= end) return -1
      character = ((character & 0x1f) << 6) | (bytes[from++]! & 0x3f)
      if (character >= ALPHABET_END) return -1
    }
    const byte = byteOfCharacter[character]!
    if (byte < 0) return -1
    into[to++] = byte
  }
  return to
}
