// Values of a run for people and for files.

import { tapIds } from '@fak/graph'
import { readTaps } from '@fak/graph/compare'
import { quantize, readWeight } from '@fak/tensor'
import { writeFileAtomically } from '@fak/tensor/node'
import type { Side } from './sides.js'

/** A value to show, and the file to write it to. */
export interface TapRequest {
  readonly label: string
  readonly file?: string
}

/** What is shown of a value. */
export interface TapSummary {
  readonly label: string
  readonly side: string
  readonly shape: readonly number[]
  readonly min: number
  readonly max: number
  readonly mean: number
  readonly rms: number
  readonly first: readonly number[]
}

/** Numbers that a summary begins with. */
const SHOWN = 6

/** A parser for `LABEL` and `LABEL=FILE`. */
export function tapRequest(text: string): TapRequest {
  const at = text.indexOf('=')
  return at < 0 ? { label: text } : { label: text.slice(0, at), file: text.slice(at + 1) }
}

/** @throws FakError `UNKNOWN_TAP` for a name that neither a weight nor an activation has */
export function checkTaps(side: Side, requests: readonly TapRequest[]): void {
  tapIds(side.program, activations(side, requests))
}

/** Runs one side and reads the values asked for; the judged side's go to the files. */
export async function summarize(
  name: 'a' | 'b',
  side: Side,
  steps: readonly Uint32Array[],
  requests: readonly TapRequest[],
  signal: AbortSignal,
): Promise<TapSummary[]> {
  const labels = [...new Set(activations(side, requests))]
  const taps = labels.length === 0 ? new Map() : await readTaps(side, side.program, steps, labels, { signal })
  const ids = tapIds(side.program, labels)
  const summaries: TapSummary[] = []
  for (const { label, file } of requests) {
    const weight = side.weights.get(label)
    const values: Float32Array = weight === undefined ? taps.get(label)! : await readWeight(weight)
    const columns = Number((weight ?? side.program.values[ids.get(label)!]!).shape.at(-1))
    const shape = weight?.shape ?? [values.length / columns, columns]
    if (file !== undefined && name === 'b') await writeFileAtomically(file, [quantize('F32', values)])
    summaries.push({ label, side: name, shape, ...statistics(values), first: [...values.subarray(0, SHOWN)] })
  }
  return summaries
}

const activations = (side: Side, requests: readonly TapRequest[]): string[] =>
  requests.map(({ label }) => label).filter((label) => !side.weights.has(label))

function statistics(values: Float32Array) {
  let [min, max, sum, squares] = [Infinity, -Infinity, 0, 0]
  for (const x of values) {
    min = Math.min(min, x)
    max = Math.max(max, x)
    sum += x
    squares += x * x
  }
  return { min, max, mean: sum / values.length, rms: Math.sqrt(squares / values.length) }
}
