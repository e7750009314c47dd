// The searches of scale-search.ts for four groups at once, one in each place of a vector. Every group sees the same float32
// operations in the same order, so the results are the same bits; it is a matter of speed alone.

import {
  abs,
  add,
  and,
  anyTrue,
  assemble,
  type Code,
  div,
  equal,
  f32,
  get,
  greater,
  i32,
  isZero,
  less,
  load,
  loadSplat,
  loop,
  max,
  min,
  mul,
  nearest,
  neg,
  pmax,
  pmin,
  select,
  set,
  sqrt,
  store,
  sub,
  when,
  without,
} from './assembler.js'

/** Byte offsets in the module's memory. A row of vectors has element i of the four groups at 16 i. */
const memoryMap = {
  values: 0,
  levels: 1024,
  scales: 2048,
  minima: 2064,
  /** The largest level, one float32. */
  most: 2080,
  /** Numerators of the candidates for the inverse of the scale, float32 each. */
  candidates: 2112,
} as const
const { values, levels, scales, minima, most, candidates } = memoryMap
const WEIGHTS = 512
const TRIED = 1536

const ZERO = f32(0)
const at = (offset: number): Code => loadSplat(i32(0), offset)

/** Names for locals, numbered from `first`. */
function locals<Name extends string>(first: number, ...names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name, i) => [name, first + i])) as Record<Name, number>
}

// The parameter is how many bytes the candidates take.
const PARAMETER = get(0)

/** `searchScaleAndMinimum`, 32 values a group. */
function scaleAndMinimum() {
  const n = locals(1, 'p', 'c')
  const v = locals(
    3,
    ...(['x', 'w', 'q', 'd', 'least', 'greatest', 'sumW', 'sumX', 'inverse', 'scale', 'minimum', 'best'] as const),
    ...(['flat', 'sumQ', 'sumQ2', 'sumXQ', 'determinant', 'candidate', 'offset', 'error', 'better'] as const),
  )
  const g = Object.fromEntries(Object.entries(v).map(([name, local]) => [name, get(local)])) as Record<
    keyof typeof v,
    Code
  >
  const p = get(n.p)
  const each = (...body: Code[]) => loop(n.p, 16, i32(512), [...set(v.x, load(p, values)), ...body.flat()])
  const accumulate = (sum: keyof typeof v, term: Code) => set(v[sum], add(g[sum], term))
  const quantized = (minimum: Code) => set(v.q, min(max(nearest(mul(g.inverse, sub(g.x, minimum))), ZERO), at(most)))
  const squaredError = (sum: keyof typeof v, scale: Code, minimum: Code, level: Code) => [
    ...set(v.d, sub(add(mul(scale, level), minimum), g.x)),
    ...accumulate(sum, mul(load(p, WEIGHTS), mul(g.d, g.d))),
  ]
  const body = [
    // `sumX` holds the squares until the mean is known.
    ...each(accumulate('sumX', mul(g.x, g.x))),
    ...set(v.d, sqrt(div(g.sumX, f32(32)))),
    ...set(v.sumX, ZERO),
    ...set(v.least, load(i32(0), values)),
    ...set(v.greatest, g.least),
    ...each(
      set(v.w, add(g.d, abs(g.x))),
      store(p, WEIGHTS, g.w),
      set(v.least, pmin(g.least, g.x)),
      set(v.greatest, pmax(g.greatest, g.x)),
      accumulate('sumW', g.w),
      accumulate('sumX', mul(g.w, g.x)),
    ),
    ...set(v.least, pmin(g.least, ZERO)),
    ...set(v.flat, equal(g.greatest, g.least)),
    ...set(v.inverse, div(at(most), sub(g.greatest, g.least))),
    ...set(v.scale, div(f32(1), g.inverse)),
    ...set(v.minimum, g.least),
    ...each(quantized(g.least), store(p, levels, g.q), squaredError('best', g.scale, g.least, g.q)),
    ...loop(n.c, 4, PARAMETER, [
      ...set(v.inverse, div(loadSplat(get(n.c), candidates), sub(g.greatest, g.minimum))),
      ...['sumQ', 'sumQ2', 'sumXQ', 'error'].flatMap((sum) => set(v[sum as 'sumQ'], ZERO)),
      ...each(
        quantized(g.minimum),
        store(p, TRIED, g.q),
        set(v.w, mul(load(p, WEIGHTS), g.q)),
        accumulate('sumQ', g.w),
        accumulate('sumQ2', mul(g.w, g.q)),
        accumulate('sumXQ', mul(g.w, g.x)),
      ),
      ...set(v.determinant, sub(mul(g.sumW, g.sumQ2), mul(g.sumQ, g.sumQ))),
      ...set(v.candidate, div(sub(mul(g.sumW, g.sumXQ), mul(g.sumX, g.sumQ)), g.determinant)),
      ...set(v.offset, div(sub(mul(g.sumQ2, g.sumX), mul(g.sumQ, g.sumXQ)), g.determinant)),
      ...set(v.better, greater(g.offset, ZERO)),
      ...set(v.candidate, select(g.better, div(g.sumXQ, g.sumQ2), g.candidate)),
      ...set(v.offset, select(g.better, ZERO, g.offset)),
      ...each(squaredError('error', g.candidate, g.offset, load(p, TRIED))),
      ...set(v.better, without(and(less(g.error, g.best), greater(g.determinant, ZERO)), g.flat)),
      ...when(anyTrue(g.better), [
        ...each(store(p, levels, select(g.better, load(p, TRIED), load(p, levels)))),
        ...set(v.best, select(g.better, g.error, g.best)),
        ...set(v.scale, select(g.better, g.candidate, g.scale)),
        ...set(v.minimum, select(g.better, g.offset, g.minimum)),
      ]),
    ]),
    ...each(store(p, levels, without(load(p, levels), g.flat))),
    ...store(i32(0), scales, without(g.scale, g.flat)),
    ...store(i32(0), minima, neg(g.minimum)),
  ]
  return { name: 'scaleAndMinimum', integers: 2, vectors: Object.keys(v).length, body }
}

/** `searchScale`, 16 values a group. */
function scaleAlone() {
  const n = locals(1, 'p', 'c')
  const v = locals(
    3,
    ...(['x', 'q', 'w', 'extreme', 'zero', 'inverse', 'chosen', 'sumXQ', 'sumQ2', 'scale', 'best', 'better'] as const),
  )
  const g = Object.fromEntries(Object.entries(v).map(([name, local]) => [name, get(local)])) as Record<
    keyof typeof v,
    Code
  >
  const p = get(n.p)
  const each = (...body: Code[]) => loop(n.p, 16, i32(256), [...set(v.x, load(p, values)), ...body.flat()])
  const quantized = (inverse: Code) => max(min(nearest(mul(inverse, g.x)), sub(at(most), f32(1))), neg(at(most)))
  const body = [
    ...each(set(v.extreme, select(greater(abs(g.x), abs(g.extreme)), g.x, g.extreme))),
    ...set(v.zero, less(abs(g.extreme), f32(Math.fround(1e-15)))),
    ...loop(n.c, 4, PARAMETER, [
      ...set(v.inverse, div(neg(loadSplat(get(n.c), candidates)), g.extreme)),
      ...set(v.sumXQ, ZERO),
      ...set(v.sumQ2, ZERO),
      ...each(
        set(v.q, quantized(g.inverse)),
        set(v.w, mul(g.x, g.x)),
        set(v.sumXQ, add(g.sumXQ, mul(mul(g.w, g.x), g.q))),
        set(v.sumQ2, add(g.sumQ2, mul(mul(g.w, g.q), g.q))),
      ),
      ...set(v.better, and(greater(g.sumQ2, ZERO), greater(mul(g.sumXQ, g.sumXQ), mul(g.best, g.sumQ2)))),
      // The first is taken whatever it is worth: squares of small numbers may all be zero.
      ...when(isZero(get(n.c)), set(v.better, equal(ZERO, ZERO))),
      ...set(v.chosen, select(g.better, g.inverse, g.chosen)),
      ...set(v.scale, select(g.better, div(g.sumXQ, g.sumQ2), g.scale)),
      ...set(v.best, select(g.better, mul(g.scale, g.sumXQ), g.best)),
    ]),
    ...each(store(p, levels, without(add(quantized(g.chosen), at(most)), g.zero))),
    ...store(i32(0), scales, without(g.scale, g.zero)),
  ]
  return { name: 'scaleAlone', integers: 2, vectors: Object.keys(v).length, body }
}

/** The part of WebAssembly that this needs; the types of Node leave it out. */
interface WebAssemblyLike {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: Exports }
}

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer }
  readonly scaleAndMinimum: (candidateBytes: number) => void
  readonly scaleAlone: (candidateBytes: number) => void
}

/** Candidates for the inverse of a scale, over the range of the values: what {@link SimdSearch} tries after one another. */
type Candidates = Float32Array

/** The searches, on the vector unit. */
export class SimdSearch {
  readonly #memory: Float32Array
  readonly #run: Exports

  private constructor(exports: Exports) {
    this.#memory = new Float32Array(exports.memory.buffer)
    this.#run = exports
  }

  /** `undefined` where WebAssembly has no vectors, or must not be used. */
  static create(): SimdSearch | undefined {
    const { WebAssembly } = globalThis as unknown as { WebAssembly: WebAssemblyLike }
    try {
      const module = new WebAssembly.Module(assemble([scaleAndMinimum(), scaleAlone()]))
      return new SimdSearch(new WebAssembly.Instance(module).exports)
    } catch {
      return undefined
    }
  }

  /**
   * As `searchScaleAndMinimum`, for four groups of 32 values that follow one another.
   *
   * @returns levels, scales and minima through the arrays, from `group` on
   */
  scaleAndMinimum(
    from: { readonly values: Float32Array; readonly at: number },
    to: { readonly levels: Uint8Array; readonly scales: Float32Array; readonly minima: Float32Array },
    group: number,
    most: number,
    tries: Candidates,
  ): void {
    this.#load(from.values, from.at, 32, most, tries)
    this.#run.scaleAndMinimum(4 * tries.length)
    this.#unload(to.levels, to.scales, group, 32)
    for (let lane = 0; lane < 4; lane++) to.minima[group + lane] = this.#memory[memoryMap.minima / 4 + lane]!
  }

  /** As `searchScale`, for four groups of 16 values that follow one another. */
  scaleAlone(
    from: { readonly values: Float32Array; readonly at: number },
    to: { readonly levels: Uint8Array; readonly scales: Float32Array },
    group: number,
    most: number,
    tries: Candidates,
  ): void {
    this.#load(from.values, from.at, 16, most, tries)
    this.#run.scaleAlone(4 * tries.length)
    this.#unload(to.levels, to.scales, group, 16)
  }

  #load(values: Float32Array, at: number, size: number, most: number, tries: Candidates): void {
    const memory = this.#memory
    for (let lane = 0; lane < 4; lane++) {
      for (let i = 0; i < size; i++) memory[4 * i + lane] = values[at + size * lane + i]!
    }
    memory[memoryMap.most / 4] = most
    memory.set(tries, memoryMap.candidates / 4)
  }

  #unload(levels: Uint8Array, scales: Float32Array, group: number, size: number): void {
    const memory = this.#memory
    const first = memoryMap.levels / 4
    for (let lane = 0; lane < 4; lane++) {
      const to = size * (group + lane)
      for (let i = 0; i < size; i++) levels[to + i] = memory[first + 4 * i + lane]!
      scales[group + lane] = memory[memoryMap.scales / 4 + lane]!
    }
  }
}
