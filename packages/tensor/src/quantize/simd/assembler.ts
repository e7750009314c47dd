// As much of a WebAssembly assembler as two small functions need: code is a list of bytes, an expression is the code that leaves its
// value on the stack. Source of the encodings: the WebAssembly core specification 2.0, binary format.

/** Bytes of some instructions. */
export type Code = readonly number[]

function unsigned(value: number): Code {
  const bytes: number[] = []
  let rest = value
  do {
    bytes.push((rest & 127) | (rest > 127 ? 128 : 0))
    rest >>>= 7
  } while (rest > 0)
  return bytes
}

/** `i32.const` takes a signed number; these are all small and positive. */
function signed(value: number): Code {
  const bytes = [...unsigned(value)]
  if ((bytes.at(-1)! & 64) !== 0) bytes.splice(-1, 1, bytes.at(-1)! | 128, 0)
  return bytes
}

const vector = (opcode: number): Code => [0xfd, ...unsigned(opcode)]
const unary =
  (opcode: number) =>
  (a: Code): Code => [...a, ...vector(opcode)]
const binary =
  (opcode: number) =>
  (a: Code, b: Code): Code => [...a, ...b, ...vector(opcode)]
// Alignment is a hint, in powers of two; 2 is that of a float32.
const address = (offset: number): Code => [2, ...unsigned(offset)]

/** Locals. */
export const get = (local: number): Code => [0x20, ...unsigned(local)]
export const set = (local: number, value: Code): Code => [...value, 0x21, ...unsigned(local)]

/** Whole numbers. */
export const i32 = (value: number): Code => [0x41, ...signed(value)]
export const plus = (a: Code, b: Code): Code => [...a, ...b, 0x6a]
export const isZero = (a: Code): Code => [...a, 0x45]
export const below = (a: Code, b: Code): Code => [...a, ...b, 0x49]

/** Four float32 at once. Comparisons give masks. */
export const load = (at: Code, offset: number): Code => [...at, ...vector(0x00), ...address(offset)]
/** One float32 of memory in all four places. */
export const loadSplat = (at: Code, offset: number): Code => [...at, ...vector(0x09), ...address(offset)]
export const store = (at: Code, offset: number, value: Code): Code => [
  ...at,
  ...value,
  ...vector(0x0b),
  ...address(offset),
]
export const add = binary(0xe4)
export const sub = binary(0xe5)
export const mul = binary(0xe6)
export const div = binary(0xe7)
export const min = binary(0xe8)
export const max = binary(0xe9)
/** `b < a ? b : a` */
export const pmin = binary(0xea)
/** `a < b ? b : a` */
export const pmax = binary(0xeb)
export const abs = unary(0xe0)
export const neg = unary(0xe1)
export const sqrt = unary(0xe3)
/** Nearest integer, ties to even. */
export const nearest = unary(0x6a)
export const equal = binary(0x41)
export const less = binary(0x43)
export const greater = binary(0x44)
export const and = binary(0x4e)
/** `a & ~b` */
export const without = binary(0x4f)
export const anyTrue = unary(0x53)
/** `yes` where the mask is set, `no` elsewhere. */
export const select = (mask: Code, yes: Code, no: Code): Code => [...yes, ...no, ...mask, ...vector(0x52)]
/** The same float32 four times. */
export const f32 = (value: number): Code => {
  const bytes = new Uint8Array(Float32Array.of(value, value, value, value).buffer)
  return [...vector(0x0c), ...bytes]
}

/** Control. */
export const when = (condition: Code, body: Code): Code => [...condition, 0x04, 0x40, ...body, 0x0b]
/** Runs `body` with `counter` at 0, `step`, … below `end`; once at least. */
export const loop = (counter: number, step: number, end: Code, body: Code): Code => [
  ...set(counter, i32(0)),
  0x03,
  0x40,
  ...body,
  ...set(counter, plus(get(counter), i32(step))),
  ...below(get(counter), end),
  0x0d,
  0x00,
  0x0b,
]

/** A function with one parameter, a number, and no result. */
export interface Function {
  readonly name: string
  /** How many locals of type i32 follow the parameter, and how many vectors after them. */
  readonly integers: number
  readonly vectors: number
  readonly body: Code
}

const list = (items: readonly Code[]): Code => [...unsigned(items.length), ...items.flat()]
const section = (id: number, content: Code): Code => [id, ...unsigned(content.length), ...content]
const text = (name: string): Code => list([...name].map((letter) => [letter.charCodeAt(0)]))

/** A module with one page of memory, exported as `memory`, and the functions. */
export function assemble(functions: readonly Function[]): Uint8Array<ArrayBuffer> {
  const bodies = functions.map(({ integers, vectors, body }) => {
    const code = [2, ...unsigned(integers), 0x7f, ...unsigned(vectors), 0x7b, ...body, 0x0b]
    return [...unsigned(code.length), ...code]
  })
  const exports = functions.map(({ name }, i) => [...text(name), 0x00, ...unsigned(i)])
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, list([[0x60, 0x01, 0x7f, 0x00]])),
    ...section(3, list(functions.map(() => [0x00]))),
    ...section(5, list([[0x00, 0x01]])),
    ...section(7, list([[...text('memory'), 0x02, 0x00], ...exports])),
    ...section(10, list(bodies)),
  ])
}
