// GGUF files built field by field, so that a test can put one wrong value into an otherwise valid file and say where it is.

/** Some bytes of a file; integers say so, which lets the systematic tests change each of them. */
export interface Part {
  readonly bytes: Uint8Array
  readonly integer: boolean
}

/** A built file with the places of its integer fields. */
export interface Built {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly integers: readonly { readonly offset: number; readonly size: number }[]
  /** Where tensor data begins. */
  readonly dataOffset: number
}

const integer = (size: number, write: (view: DataView) => void): Part => {
  const bytes = new Uint8Array(size)
  write(new DataView(bytes.buffer))
  return { bytes, integer: true }
}
export const u8 = (value: number): Part => integer(1, (view) => view.setUint8(0, value))
export const u32 = (value: number): Part => integer(4, (view) => view.setUint32(0, value, true))
export const u64 = (value: number | bigint): Part => integer(8, (view) => view.setBigUint64(0, BigInt(value), true))
export const raw = (bytes: ArrayLike<number>): Part => ({ bytes: Uint8Array.from(bytes), integer: false })
export const text = (value: string): Part => raw(new TextEncoder().encode(value))

/** A string behind its length, which may be stated wrongly. */
export const str = (value: string | Uint8Array, length?: number | bigint): Part[] => {
  const bytes = typeof value === 'string' ? text(value) : raw(value)
  return [u64(length ?? bytes.bytes.length), bytes]
}

/** Numbers of the value types in the file. */
export const TYPE = {
  u8: 0,
  i8: 1,
  u16: 2,
  i16: 3,
  u32: 4,
  i32: 5,
  f32: 6,
  bool: 7,
  string: 8,
  array: 9,
  u64: 10,
  i64: 11,
  f64: 12,
}

/** A key-value pair: key, type number and the parts of the value. */
export const entry = (key: string, type: number, ...value: Part[]): Part[] => [...str(key), u32(type), ...value]

/** The parts of an array value. */
export const array = (type: number, count: number | bigint, ...items: Part[]): Part[] => [
  u32(type),
  u64(count),
  ...items,
]

/** A tensor description; dimensions in file order, fastest first. */
export interface Info {
  name?: string | Uint8Array
  nameLength?: number | bigint
  dimensionCount?: number
  dimensions?: (number | bigint)[]
  type?: number
  offset?: number | bigint
}

export const info = (fields: Info = {}): Part[] => {
  const { name = 't', nameLength, dimensions = [8], dimensionCount = dimensions.length, type = 0, offset = 0 } = fields
  return [...str(name, nameLength), u32(dimensionCount), ...dimensions.map(u64), u32(type), u64(offset)]
}

/** A file; what is left out is as a valid file has it. */
export interface FileParts {
  magic?: string
  version?: Part
  tensorCount?: number | bigint
  keyCount?: number | bigint
  entries?: Part[][]
  infos?: Part[][]
  alignment?: number
  /** Bytes of tensor data, padding included. */
  data?: number
}

export function build(parts: FileParts = {}): Built {
  const { magic = 'GGUF', version = u32(3), entries = [], infos = [], alignment = 32, data = 0 } = parts
  const { tensorCount = infos.length, keyCount = entries.length } = parts
  const all = [text(magic), version, u64(tensorCount), u64(keyCount), ...entries.flat(), ...infos.flat()]
  const headerBytes = all.reduce((sum, part) => sum + part.bytes.length, 0)
  const dataOffset = infos.length > 0 ? Math.ceil(headerBytes / alignment) * alignment : headerBytes
  const bytes = new Uint8Array(dataOffset + data)
  const integers: { offset: number; size: number }[] = []
  let at = 0
  for (const part of all) {
    if (part.integer) integers.push({ offset: at, size: part.bytes.length })
    bytes.set(part.bytes, at)
    at += part.bytes.length
  }
  for (let i = dataOffset; i < bytes.length; i++) bytes[i] = i & 255
  return { bytes, integers, dataOffset }
}

/** The bytes of a built file. */
export const file = (parts: FileParts = {}): Uint8Array<ArrayBuffer> => build(parts).bytes

export const architecture = (): Part[] => entry('general.architecture', TYPE.string, ...str('qwen35'))
export const alignmentEntry = (value: number): Part[] => entry('general.alignment', TYPE.u32, u32(value))
