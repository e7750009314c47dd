// The thirteen value types of GGUF metadata: their numbers in the file, names, sizes and how one value is read.
// Source: the GGUF specification (ggml, docs/gguf.md).

/** Name of a scalar value type. */
export type GgufScalarType = (typeof scalarTypes)[number]['name']
/** Name of a value type of GGUF metadata. */
export type GgufValueType = GgufScalarType | 'array'

/** A number type: `read` is little-endian. 64-bit integers are bigint, so that no value is ever rounded. */
interface NumberType<Name extends string, Value extends number | bigint> {
  readonly name: Name
  readonly bytes: number
  read(view: DataView, at: number): Value
  write(view: DataView, at: number, value: Value): void
}

const number = <Name extends string, Value extends number | bigint>(
  name: Name,
  bytes: number,
  read: (view: DataView, at: number) => Value,
  write: (view: DataView, at: number, value: Value) => void,
): NumberType<Name, Value> => ({ name, bytes, read, write })

/** Number types by name; `bool` and `string` have no fixed conversion and are read apart. */
export const numberTypes = {
  u8: number(
    'u8',
    1,
    (v, at) => v.getUint8(at),
    (v, at, x: number) => v.setUint8(at, x),
  ),
  i8: number(
    'i8',
    1,
    (v, at) => v.getInt8(at),
    (v, at, x: number) => v.setInt8(at, x),
  ),
  u16: number(
    'u16',
    2,
    (v, at) => v.getUint16(at, true),
    (v, at, x: number) => v.setUint16(at, x, true),
  ),
  i16: number(
    'i16',
    2,
    (v, at) => v.getInt16(at, true),
    (v, at, x: number) => v.setInt16(at, x, true),
  ),
  u32: number(
    'u32',
    4,
    (v, at) => v.getUint32(at, true),
    (v, at, x: number) => v.setUint32(at, x, true),
  ),
  i32: number(
    'i32',
    4,
    (v, at) => v.getInt32(at, true),
    (v, at, x: number) => v.setInt32(at, x, true),
  ),
  f32: number(
    'f32',
    4,
    (v, at) => v.getFloat32(at, true),
    (v, at, x: number) => v.setFloat32(at, x, true),
  ),
  u64: number(
    'u64',
    8,
    (v, at) => v.getBigUint64(at, true),
    (v, at, x: bigint) => v.setBigUint64(at, x, true),
  ),
  i64: number(
    'i64',
    8,
    (v, at) => v.getBigInt64(at, true),
    (v, at, x: bigint) => v.setBigInt64(at, x, true),
  ),
  f64: number(
    'f64',
    8,
    (v, at) => v.getFloat64(at, true),
    (v, at, x: number) => v.setFloat64(at, x, true),
  ),
} as const

const bool = { name: 'bool', bytes: 1 } as const
const string = { name: 'string' } as const

/** Scalar types in the order of their numbers in the file, with the place of `array` (9) left to {@link ARRAY_TYPE_ID}. */
const scalarTypes = [
  numberTypes.u8,
  numberTypes.i8,
  numberTypes.u16,
  numberTypes.i16,
  numberTypes.u32,
  numberTypes.i32,
  numberTypes.f32,
  bool,
  string,
  numberTypes.u64,
  numberTypes.i64,
  numberTypes.f64,
] as const

/** Number of the type `array` in the file. */
export const ARRAY_TYPE_ID = 9

/** Name of a number type. */
export type GgufNumberType = keyof typeof numberTypes

/** Name of the value type with this number, or `undefined`. */
export function valueTypeOf(id: number): GgufValueType | undefined {
  if (id === ARRAY_TYPE_ID) return 'array'
  return scalarTypes[id > ARRAY_TYPE_ID ? id - 1 : id]?.name
}

/** Number of a value type in the file. */
export function valueTypeId(type: GgufValueType): number {
  if (type === 'array') return ARRAY_TYPE_ID
  const index = scalarTypes.findIndex(({ name }) => name === type)
  return index >= ARRAY_TYPE_ID ? index + 1 : index
}

/** True for the types that {@link numberTypes} reads. */
export function isNumberType(type: string): type is GgufNumberType {
  return Object.hasOwn(numberTypes, type)
}
