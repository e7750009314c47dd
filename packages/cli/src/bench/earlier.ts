// fak bench --compare: two results of the same model and settings, as ratios.

import { FakError } from '@fak/tensor'
import { UsageError } from '../errors.js'
import { bytes, rate, table } from '../output.js'
import { readFile } from '../read-file.js'
import type { Rates } from './measure.js'
import { named } from './print.js'
import type { BenchResult, Setting } from './result.js'

/** A file beyond this is no result. */
const MAX_RESULT_BYTES = 64 * 2 ** 20

/** What of an earlier result is compared. */
type Earlier = Pick<BenchResult, keyof Setting | 'depths' | 'loadMs' | 'peakRssBytes' | 'bandwidth' | 'macRate'>

/** One line of a comparison. */
export interface Compared {
  /** e.g. `decode at 4096`, `bandwidth`, `load`. */
  readonly what: string
  readonly unit: 'tok/s' | 'ms' | 'bytes' | 'bytes/s' | 'MAC/s'
  readonly before: number
  readonly now: number
  /** Now over before. */
  readonly ratio: number
  /** Of rates, whether the slowest run of one side beats the fastest of the other; `null` where there was one run or one number. */
  readonly clear: boolean | null
}

/** An earlier result beside this one. */
export interface BenchComparison {
  readonly file: string
  /** Version that wrote it. */
  readonly fak: string
  /** The processor, when it was another one. */
  readonly otherCpu: string | null
  readonly compared: readonly Compared[]
}

/** Reads what `fak bench --json` wrote. @throws FakError with a `FILE_` code, `BENCH_BAD_RESULT` */
export async function readResult(file: string): Promise<Earlier> {
  const bytes = await readFile(file, MAX_RESULT_BYTES)
  let parsed: unknown
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new FakError('BENCH_BAD_RESULT', { file, reason: 'is not the output of fak bench --json', cause })
  }
  check(parsed, SHAPE, '', file)
  return parsed as Earlier
}

/** What must be there: a type, one that may be null, fields, or a list of one or more of something. */
type Shape =
  | 'string'
  | 'number'
  | 'number?'
  | 'string?'
  | { readonly [field: string]: Shape }
  | readonly [Shape]
  | Nullable
interface Nullable {
  readonly orNull: Shape
}

const RATES: Shape = { tokens: 'number', tokensPerSecond: { median: 'number', best: 'number', worst: 'number' } }
const SHAPE: Shape = {
  fak: 'string',
  cpu: 'string',
  model: 'string',
  modelBytes: 'number',
  executor: 'string',
  isa: 'string?',
  threads: 'number',
  chunk: 'number',
  kvCache: 'string?',
  repeats: 'number',
  loadMs: 'number',
  peakRssBytes: 'number',
  bandwidth: 'number',
  macRate: 'number?',
  depths: [{ depth: 'number', prefill: { orNull: RATES }, decode: { orNull: RATES } }],
}

function check(value: unknown, shape: Shape, field: string, file: string): void {
  const refuse: (expected: string) => never = (expected) => {
    const reason = `must be ${expected} as fak bench --json of this version writes it`
    throw new FakError('BENCH_BAD_RESULT', { file, field: field || 'result', reason })
  }
  if (typeof shape === 'string') {
    const [type] = shape.split('?')
    if (value === null && shape.endsWith('?')) return
    if (type === 'number' && !(typeof value === 'number' && Number.isFinite(value) && value >= 0)) refuse('a number')
    if (type === 'string' && typeof value !== 'string') refuse('a string')
  } else if (isList(shape)) {
    if (!Array.isArray(value) || value.length === 0) refuse('a list that is not empty')
    for (const [i, item] of value.entries()) check(item, shape[0], `${field}[${i}]`, file)
  } else if ('orNull' in shape) {
    if (value !== null) check(value, (shape as Nullable).orNull, field, file)
  } else {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse('an object')
    for (const [name, inner] of Object.entries(shape)) {
      const own = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined
      check(own, inner, field === '' ? name : `${field}.${name}`, file)
    }
  }
}

const isList = (shape: Shape): shape is readonly [Shape] => Array.isArray(shape)

/** Settings by the option that sets them. */
const SETTINGS = [
  ['the model', 'model'],
  ["the model's size", 'modelBytes'],
  ['--executor', 'executor'],
  ['--isa', 'isa'],
  ['--threads', 'threads'],
  ['--chunk', 'chunk'],
  ['--kv-cache', 'kvCache'],
] as const

/**
 * Refuses a result that measured something else.
 *
 * @throws UsageError that names every difference
 */
export function requireSameSettings(
  file: string,
  earlier: Earlier,
  setting: Setting,
  plan: { readonly prefill: number; readonly decode: number; readonly depths: readonly number[] },
): void {
  const tokens = (kind: 'prefill' | 'decode') => earlier.depths[0]![kind]?.tokens ?? 0
  const sides: [string, unknown, unknown][] = [
    ...SETTINGS.map(([name, key]): [string, unknown, unknown] => [name, earlier[key], setting[key]]),
    ['--prefill', tokens('prefill'), plan.prefill],
    ['--decode', tokens('decode'), plan.decode],
    ['--depth', earlier.depths.map(({ depth }) => depth).join(), plan.depths.join()],
  ]
  const differ = sides.filter(([, before, now]) => before !== now)
  if (differ.length === 0) return
  const list = differ.map(([name, before, now]) => `${name} was ${before}, is ${now}`).join('; ')
  throw new UsageError(`${file} measured something else: ${list}`)
}

/** Puts both side by side. */
export function compareResults(file: string, earlier: Earlier, now: BenchResult): BenchComparison {
  const one = (what: string, unit: Compared['unit'], before: number, after: number): Compared => ({
    what,
    unit,
    before,
    now: after,
    ratio: after / before,
    clear: null,
  })
  const rates = (what: string, before: Rates, after: Rates): Compared => ({
    ...one(what, 'tok/s', before.median, after.median),
    clear: earlier.repeats > 1 && now.repeats > 1 ? after.worst > before.best || after.best < before.worst : null,
  })
  const speeds = now.depths.flatMap(({ depth, ...at }, i) =>
    (['prefill', 'decode'] as const).flatMap((kind) => {
      const [before, after] = [earlier.depths[i]![kind], at[kind]]
      return before && after ? [rates(named(kind, depth), before.tokensPerSecond, after.tokensPerSecond)] : []
    }),
  )
  return {
    file,
    fak: earlier.fak,
    otherCpu: earlier.cpu === now.cpu ? null : earlier.cpu,
    compared: [
      ...speeds,
      one('load', 'ms', earlier.loadMs, now.loadMs),
      one('memory', 'bytes', earlier.peakRssBytes, now.peakRssBytes),
      one('read from memory', 'bytes/s', earlier.bandwidth, now.bandwidth),
      ...(earlier.macRate !== null && now.macRate !== null
        ? [one('multiply', 'MAC/s', earlier.macRate, now.macRate)]
        : []),
    ],
  }
}

/** The comparison for people. */
export function printBenchComparison({ file, fak, otherCpu, compared }: BenchComparison): string[] {
  const number = (value: number, unit: Compared['unit']) =>
    unit === 'bytes' || unit === 'bytes/s'
      ? `${bytes(value)}${unit === 'bytes/s' ? '/s' : ''}`
      : unit === 'MAC/s'
        ? `${rate(value / 1e9)} GMAC/s`
        : `${rate(value)} ${unit}`
  const verdict = ({ clear, ratio }: Compared) =>
    clear === null ? '' : !clear ? 'runs overlap: no clear change' : ratio > 1 ? 'faster' : 'slower'
  return [
    `beside ${file} (fak ${fak})${otherCpu === null ? '' : `, measured on another processor: ${otherCpu}`}:`,
    ...table([
      ['', 'before', 'now', 'ratio', ''],
      ...compared.map((line) => [
        line.what,
        number(line.before, line.unit),
        number(line.now, line.unit),
        line.ratio.toFixed(2),
        verdict(line),
      ]),
    ]),
  ]
}
