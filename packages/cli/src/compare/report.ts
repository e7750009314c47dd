// A comparison for people.

import type { ComparedOp, Comparison, Difference, NonFiniteOp, OpComparison } from '@fak/graph/compare'
import { type Output, table } from '../output.js'
import type { LayerComparison } from './against.js'
import type { TapSummary } from './taps.js'

/** The largest own error among the ops of one kind and type. */
export interface KindSummary {
  readonly kind: string
  readonly dtypes: readonly string[]
  readonly count: number
  readonly error: number
  readonly rms: number
  readonly label: string
}

/** Groups ops by kind and stored type. */
export function byKind(ops: readonly OpComparison[]): KindSummary[] {
  const groups = new Map<string, OpComparison[]>()
  for (const op of ops) {
    const key = what(op)
    groups.set(key, [...(groups.get(key) ?? []), op])
  }
  return [...groups.values()].map((group) => {
    const worst = group.reduce((most, op) => (op.own.error > most.own.error ? op : most))
    const rms = Math.max(...group.map(({ own }) => own.rms))
    const { kind, dtypes, label, own } = worst
    return { kind, dtypes, count: group.length, error: own.error, rms, label }
  })
}

/** Prints what `compare` found; every op with `all`. */
export async function printComparison(found: Comparison, all: boolean, output: Output): Promise<void> {
  const lines = all
    ? table([
        ['op', 'kind', 'own', 'allowed', 'accumulated', ''],
        ...found.ops.map((op) => [
          op.label,
          what(op),
          number(op.own.error),
          number(op.tolerance),
          number(op.accumulated.error),
          op === found.drift ? '<- drifts' : op === found.grown ? '<- grown' : '',
        ]),
      ])
    : table([
        ['kind', 'ops', 'own, largest', 'rms', 'at'],
        ...byKind(found.ops).map((kind) => [
          what(kind),
          String(kind.count),
          number(kind.error),
          number(kind.rms),
          kind.label,
        ]),
      ])
  for (const line of lines) await output.line(line)
  await output.line()
  for (const line of verdict(found)) await output.line(line)
}

function verdict({ ops, drift, grown, nonFinite, suspect }: Comparison): string[] {
  const lines: string[] = []
  if (drift !== undefined) {
    lines.push(
      `${drift.label} drifts: ${what(drift)}, own error ${number(drift.own.error)}, allowed ${number(drift.tolerance)}`,
    )
    lines.push(...place(drift.own))
    lines.push(`  accumulated error ${number(drift.accumulated.error)}`)
  }
  if (grown !== undefined) {
    lines.push(`${grown.label}: the accumulated error ${number(grown.accumulated.error)} is beyond what is allowed`)
    lines.push(...place(grown.accumulated))
  }
  if (nonFinite !== undefined) lines.push(...nonFiniteLines(nonFinite))
  if (drift !== undefined || nonFinite !== undefined) return lines
  const last = ops.at(-1)!
  lines.push(`no op drifts: ${ops.length} ops, accumulated error ${number(last.accumulated.error)} at ${last.label}`)
  if (suspect === undefined) lines.push('every number is the same')
  else {
    const most = `own error ${number(suspect.own.error)}, allowed ${number(suspect.tolerance)}`
    lines.push(`nearest to drifting: ${suspect.label}, ${what(suspect)}, ${most}`)
  }
  return lines
}

function nonFiniteLines(op: NonFiniteOp): string[] {
  const where = op.side === 'both' ? 'on both sides' : `on side ${op.side} alone`
  const at = op.at === undefined ? [] : place({ at: op.at })
  return [`${op.label} (${what(op)}) gives a value that is not finite ${where}; nothing after it was compared`, ...at]
}

/** Prints layers beside a file. */
export async function printLayers(layers: readonly LayerComparison[], output: Output): Promise<void> {
  const drift = layers.find(beyond)
  const rows = layers.map((layer) => [
    layer.label,
    number(layer.accumulated.error),
    number(layer.accumulated.rms),
    layer === drift ? '<- first beyond' : '',
  ])
  for (const line of table([['value', 'error', 'rms', ''], ...rows])) await output.line(line)
  await output.line()
  if (drift === undefined) return output.line(`every value agrees within ${number(layers[0]!.tolerance)}`)
  await output.line(`${drift.label} is the first beyond ${number(drift.tolerance)}`)
  for (const line of place(drift.accumulated)) await output.line(line)
}

/** Whether a layer is too far from the file. */
export const beyond = ({ accumulated, tolerance }: LayerComparison): boolean => !(accumulated.error <= tolerance)

/** Prints summaries of values. */
export async function printTaps(taps: readonly TapSummary[], output: Output): Promise<void> {
  const rows = taps.map(({ label, side, shape, min, max, mean, rms, first }) => [
    label,
    side,
    `[${shape.join(', ')}]`,
    ...[min, max, mean, rms].map(number),
    first.map(number).join(' '),
  ])
  await output.line()
  for (const line of table([['value', 'side', 'shape', 'min', 'max', 'mean', 'rms', 'first'], ...rows]))
    await output.line(line)
}

const place = ({ at }: Pick<Difference, 'at'>): string[] =>
  at === undefined ? [] : [`  position ${at.row}, column ${at.column}: expected ${at.expected}, got ${at.actual}`]

const what = ({ kind, dtypes }: Pick<ComparedOp, 'kind'> & { dtypes: readonly string[] }): string =>
  [kind, ...dtypes].join(' ')

/** Three digits, without the noise of a long fraction. */
const number = (x: number): string =>
  x === 0 ? '0' : Math.abs(x) >= 1e-3 && Math.abs(x) < 1e5 ? String(Number(x.toPrecision(3))) : x.toExponential(1)
