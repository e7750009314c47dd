// UTF-8 that is checked where it lies: which byte is wrong, and text without silent repair.

/**
 * Offset of the first byte of `bytes[start..end)` at which it stops being well-formed UTF-8 (Unicode, table 3-7: no
 * overlong forms, no surrogates, nothing above U+10FFFF), or -1. A character cut off by `end` is wrong at its first byte.
 */
export function invalidUtf8At(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let at = start
  while (at < end) {
    const lead = bytes[at]!
    if (lead < 0x80) {
      at++
      continue
    }
    const length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0
    if (length === 0 || at + length > end) return at
    // Only the second byte has a range that depends on the first.
    const second = bytes[at + 1]!
    const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
    const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
    if (second < low || second > high) return at
    for (let i = 2; i < length; i++) if ((bytes[at + i]! & 0xc0) !== 0x80) return at
    at += length
  }
  return -1
}

// ignoreBOM: a byte order mark is part of the text, and dropping it would be a silent change.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Up to this length plain ASCII is put together here: a call of the platform's decoder costs more than the text. */
const SHORT_BYTES = 48

/** Text of bytes that {@link invalidUtf8At} found well-formed; a leading U+FEFF is kept. */
export function decodeUtf8(bytes: Uint8Array): string {
  if (bytes.length > SHORT_BYTES) return decoder.decode(bytes)
  let text = ''
  for (const byte of bytes) {
    if (byte >= 0x80) return decoder.decode(bytes)
    text += String.fromCharCode(byte)
  }
  return text
}

/** False for a string with half of a surrogate pair, which UTF-8 cannot express: encoders put U+FFFD in its place. */
export function isWellFormed(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if ((text.charCodeAt(i) & 0xf800) !== 0xd800) continue
    // A high half must be followed by a low one; the pair is then skipped.
    if (text.charCodeAt(i) >= 0xdc00 || (text.charCodeAt(++i) & 0xfc00) !== 0xdc00) return false
  }
  return true
}
