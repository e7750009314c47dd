// Systematic damage to one small valid file: every truncation, every flipped bit of the header, every integer field set to
// the values where arithmetic goes wrong. Each must give a typed error or a load that says exactly what the bytes say.

import { encodeGguf, type GgufFile, openGguf, parseGguf } from '@fak/gguf'
import { FakError } from '@fak/tensor'
import { describe, expect, it } from 'vitest'
import {
  alignmentEntry,
  architecture,
  array,
  type Built,
  build,
  entry,
  info,
  raw,
  str,
  TYPE,
  u8,
  u32,
  u64,
} from './build.js'

const sample: Built = build({
  entries: [
    architecture(),
    alignmentEntry(32),
    entry('u8', TYPE.u8, u8(7)),
    entry('i16', TYPE.i16, raw([1, 2])),
    entry('u32', TYPE.u32, u32(5)),
    entry('f32', TYPE.f32, raw([0, 0, 0, 0x3f])),
    entry('bool', TYPE.bool, raw([1])),
    entry('u64', TYPE.u64, u64(9)),
    entry('f64', TYPE.f64, raw([0, 0, 0, 0, 0, 0, 0xe0, 0x3f])),
    entry('strings', TYPE.array, ...array(TYPE.string, 2, ...str('a'), ...str('été'))),
    entry('i32s', TYPE.array, ...array(TYPE.i32, 3, u32(1), u32(2), u32(3))),
    entry('bools', TYPE.array, ...array(TYPE.bool, 2, raw([1]), raw([0]))),
  ],
  infos: [
    info({ name: 'matrix', dimensions: [8, 3] }),
    info({ name: 'blocks', dimensions: [32, 2], type: 8, offset: 96 }),
    info({ name: 'bytes', dimensions: [5], type: 24, offset: 192 }),
  ],
  data: 224,
})
const LAST_BYTE = sample.dataOffset + 192 + 5

/** Where the descriptions end and padding begins. */
const headerEnd = (file: GgufFile): number => {
  const last = [...file.tensors.values()].at(-1)
  if (last === undefined) return file.dataOffset
  return last.infoOffset + 8 + Buffer.byteLength(last.name) + 4 + 8 * last.shape.length + 4 + 8
}
const HEADER_END = headerEnd(parseGguf(sample.bytes))

/** A damaged file, or the typed error that refuses it. Anything else is thrown on. */
function attempt(bytes: Uint8Array): GgufFile | FakError {
  try {
    return parseGguf(bytes, 'sample.gguf')
  } catch (error) {
    if (!FakError.isInstance(error)) throw error
    expect(error.code).toMatch(/^GGUF_/)
    expect(error.offset).toBeTypeOf('number')
    return error
  }
}

/** A file that opens must say what its bytes say: written again, its header is the same, version apart. */
async function assertExact(file: GgufFile, bytes: Uint8Array): Promise<void> {
  for (const tensor of file.tensors.values()) {
    if (tensor.byteLength > 0) await tensor.source.read(tensor.offset, tensor.byteLength)
  }
  const contents = Array.from(file.metadata.entries())
  const header = (await encodeGguf({ metadata: contents, tensors: file.tensors.values() }).next()).value as Uint8Array
  const last = [...file.tensors.values()].at(-1)
  // The offset of an empty tensor says nothing, and is written as the next free place.
  const end = last === undefined ? header.length : headerEnd(file) - (last.byteLength === 0 ? 8 : 0)
  const written = header.slice(0, end)
  written[4] = bytes[4]!
  if (Buffer.compare(written, bytes.subarray(0, end)) !== 0) expect.fail('the file was not read exactly')
}

async function check(bytes: Uint8Array): Promise<'refused' | 'loaded'> {
  const result = attempt(bytes)
  if (FakError.isInstance(result)) return 'refused'
  await assertExact(result, bytes)
  return 'loaded'
}

describe('a valid file of less than 4 KiB', () => {
  it('opens, and is read exactly', async () => {
    expect(sample.bytes.length).toBeLessThan(4096)
    expect(HEADER_END).toBeGreaterThan(sample.dataOffset - 32)
    expect(await check(sample.bytes)).toBe('loaded')
  })

  it('is refused at every length that cuts into a tensor, and opens without its last padding', () => {
    for (let length = 0; length < sample.bytes.length; length++) {
      const result = attempt(sample.bytes.subarray(0, length))
      expect(FakError.isInstance(result), `${length} bytes`).toBe(length < LAST_BYTE)
    }
  })

  it('is refused at every length in the same way when it is read piece by piece', async () => {
    for (let length = 0; length < LAST_BYTE; length += 7) {
      const cut = sample.bytes.slice(0, length)
      const streamed: unknown = await openGguf(new Blob([cut])).catch((error: unknown) => error)
      expect(streamed).toMatchObject({ code: (attempt(cut) as FakError).code })
    }
  })

  it('with any bit of its header flipped is refused or read exactly', async () => {
    const outcomes = { refused: 0, loaded: 0 }
    for (let bit = 0; bit < HEADER_END * 8; bit++) {
      const bytes = sample.bytes.slice()
      bytes[bit >> 3]! ^= 1 << (bit & 7)
      outcomes[await check(bytes)]++
    }
    // Bits of keys, names, values and text are legal in many ways; bits of lengths, types and places are not.
    expect(outcomes.refused).toBeGreaterThan(1000)
    expect(outcomes.loaded).toBeGreaterThan(500)
  })

  it('with any bit of the padding before the data flipped opens', () => {
    for (let bit = HEADER_END * 8; bit < sample.dataOffset * 8; bit++) {
      const bytes = sample.bytes.slice()
      bytes[bit >> 3]! ^= 1 << (bit & 7)
      expect(FakError.isInstance(attempt(bytes))).toBe(false)
    }
  })

  it('with any integer field at an extreme is refused or read exactly', async () => {
    const extremes = [
      0n,
      1n,
      2n ** 31n - 1n,
      2n ** 31n,
      2n ** 32n - 1n,
      2n ** 32n,
      2n ** 53n,
      2n ** 63n - 1n,
      2n ** 63n,
      2n ** 64n - 1n,
    ]
    const fields = sample.integers.filter(({ size }) => size >= 4)
    expect(fields.length).toBeGreaterThan(50)
    for (const { offset, size } of fields) {
      for (const value of extremes) {
        if (value >= 2n ** BigInt(8 * size)) continue
        const bytes = sample.bytes.slice()
        const view = new DataView(bytes.buffer)
        if (size === 4) view.setUint32(offset, Number(value), true)
        else view.setBigUint64(offset, value, true)
        await check(bytes)
      }
    }
  })
})
