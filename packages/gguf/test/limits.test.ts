// Each limit from both sides. Dimensions, tensor names and the alignment have their cases among the malformed inputs.

import {
  MAX_ARRAY_ITEMS,
  MAX_HEADER_BYTES,
  MAX_KEY_BYTES,
  MAX_KEYS,
  MAX_STRING_BYTES,
  MAX_TENSORS,
  parseGguf,
} from '@fak/gguf'
import { FakError } from '@fak/tensor'
import { describe, expect, it } from 'vitest'
import { array, entry, file, info, raw, str, TYPE, u8 } from './build.js'

const outcome = (bytes: Uint8Array): string => {
  try {
    parseGguf(bytes)
    return 'opens'
  } catch (error) {
    return FakError.isInstance(error) ? error.code : String(error)
  }
}
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

describe('limits', () => {
  /** The same file with another count at the given place: the count is refused before what it counts is read. */
  const recount = (bytes: Uint8Array<ArrayBuffer>, at: number, count: number): Uint8Array => {
    new DataView(bytes.buffer).setBigUint64(at, BigInt(count), true)
    return bytes
  }

  it('keys', () => {
    const bytes = file({ entries: range(MAX_KEYS).map((i) => entry(`k${i}`, TYPE.u8, u8(0))) })
    expect(outcome(bytes)).toBe('opens')
    expect(outcome(recount(bytes, 16, MAX_KEYS + 1))).toBe('GGUF_COUNT_TOO_LARGE')
  })

  it('tensors', () => {
    const infos = range(MAX_TENSORS).map((i) => info({ name: `t${i}`, type: 24, dimensions: [32], offset: 32 * i }))
    const bytes = file({ infos, data: 32 * MAX_TENSORS })
    expect(outcome(bytes)).toBe('opens')
    expect(outcome(recount(bytes, 8, MAX_TENSORS + 1))).toBe('GGUF_COUNT_TOO_LARGE')
  })

  it('key length', () => {
    const key = (length: number) => file({ entries: [entry('k'.repeat(length), TYPE.u8, u8(0))] })
    expect(outcome(key(MAX_KEY_BYTES))).toBe('opens')
    expect(outcome(key(MAX_KEY_BYTES + 1))).toBe('GGUF_STRING_TOO_LONG')
  })

  it('string length, alone and in an array', () => {
    const string = (length: number) => file({ entries: [entry('k', TYPE.string, ...str(new Uint8Array(length)))] })
    const item = (length: number) =>
      file({ entries: [entry('k', TYPE.array, ...array(TYPE.string, 1, ...str(new Uint8Array(length))))] })
    for (const make of [string, item]) {
      expect(outcome(make(MAX_STRING_BYTES))).toBe('opens')
      expect(outcome(make(MAX_STRING_BYTES + 1))).toBe('GGUF_STRING_TOO_LONG')
    }
  })

  it('array items', () => {
    const items = (count: number) =>
      file({ entries: [entry('k', TYPE.array, ...array(TYPE.u8, count, raw(new Uint8Array(count))))] })
    expect(outcome(items(MAX_ARRAY_ITEMS))).toBe('opens')
    expect(outcome(items(MAX_ARRAY_ITEMS + 1))).toBe('GGUF_ARRAY_TOO_LONG')
  })

  it('header size', () => {
    // Zero-filled arrays of 64-bit integers, written in place: the memory of the zeros is never touched.
    const header = (bytes: number): Uint8Array => {
      const start = file({
        entries: [
          entry('a', TYPE.array, ...array(TYPE.u64, MAX_ARRAY_ITEMS)),
          entry('b', TYPE.array, ...array(TYPE.u8, 1)),
        ],
      })
      const first = 24 + 9 + 4 + 4 + 8
      const out = new Uint8Array(bytes)
      out.set(start.subarray(0, first))
      const second = start.subarray(first)
      out.set(second, first + 8 * MAX_ARRAY_ITEMS)
      const left = bytes - (first + 8 * MAX_ARRAY_ITEMS + second.length)
      const view = new DataView(out.buffer)
      // Items of the second array are u64 as well, as many as fit; a string of the rest would do the same.
      view.setUint32(first + 8 * MAX_ARRAY_ITEMS + 13, TYPE.u64, true)
      view.setBigUint64(first + 8 * MAX_ARRAY_ITEMS + 17, BigInt(left / 8), true)
      return out
    }
    const aligned = MAX_HEADER_BYTES - ((MAX_HEADER_BYTES - (24 + 25 + 25)) % 8)
    expect(outcome(header(aligned))).toBe('opens')
    expect(outcome(header(aligned + 8))).toBe('GGUF_HEADER_TOO_LARGE')
  })
})
