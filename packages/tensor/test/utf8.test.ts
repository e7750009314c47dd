import { decodeUtf8, invalidUtf8At, isWellFormed } from '@fak/tensor'
import { describe, expect, it } from 'vitest'

const lenient = new TextDecoder('utf-8', { ignoreBOM: true })
/** The platform's opinion: its lenient decoder puts U+FFFD, which no case here spells itself, where the fatal one throws. */
const accepted = (bytes: Uint8Array): boolean => !lenient.decode(bytes).includes('\ufffd')

describe('invalidUtf8At', () => {
  it('agrees with the decoder of the platform on every sequence of two bytes, and on many of three and four', () => {
    const edges = [
      0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff,
    ]
    const cases: number[][] = []
    for (let a = 0; a < 256; a++) for (let b = 0; b < 256; b++) cases.push([a, b])
    for (const a of edges)
      for (const b of edges) for (const c of edges) for (const d of edges) cases.push([a, b, c], [a, b, c, d])
    for (const bytes of cases) {
      const found = invalidUtf8At(Uint8Array.from(bytes))
      if (found < 0 !== accepted(Uint8Array.from(bytes))) expect.fail(`disagreement on ${bytes}`)
      // What precedes the first wrong byte is well-formed.
      if (found > 0 && !accepted(Uint8Array.from(bytes.slice(0, found)))) expect.fail(`wrong place in ${bytes}`)
    }
  })

  it('looks at the given range only', () => {
    const bytes = Uint8Array.of(0xff, 0x61, 0xc3, 0xa9, 0xff)
    expect([
      invalidUtf8At(bytes),
      invalidUtf8At(bytes, 1, 4),
      invalidUtf8At(bytes, 1, 3),
      invalidUtf8At(bytes, 1),
    ]).toEqual([0, -1, 2, 4])
  })
})

describe('text', () => {
  it('keeps a byte order mark', () => {
    expect(decodeUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))).toBe('\ufeffa')
  })

  it('is well-formed when no half of a surrogate pair stands alone', () => {
    expect(['', 'é', '\u{1f600}', '\u{1f600}\u{10ffff}', '\ud7ff\ue000'].map(isWellFormed)).toEqual(Array(5).fill(true))
    expect(
      ['\ud83d', '\ude00', '\ude00\ud83d', '\ud83d\ud83d\ude00', 'a\ud83db', '\u{1f600}\ud83d'].map(isWellFormed),
    ).toEqual(Array(6).fill(false))
  })
})
