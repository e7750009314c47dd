// A Program and its memory plan as one flat buffer of doubles, which hold every count and offset exactly. native/executor/program.cc reads it.

import {
  KV_CACHE_TYPES,
  type KvCacheType,
  type MemoryPlan,
  type OpNode,
  type Program,
  type ValueId,
  type ValueInfo,
} from '@fak/graph'
import { definitionOf } from './check-program.js'

/** Changes with the layout; program.cc has the same number. */
const LAYOUT_VERSION = 3

/** Rows that are a runtime scalar. */
const ROWS = { T: -1, R: -2 } as const

/** What numbers stand for kinds and types on the native side. */
interface Numbering {
  readonly ops: readonly string[]
  readonly dtypes: readonly string[]
}

interface EncodeOptions {
  readonly maxTokens: number
  /** Activations in arrays of the caller: inputs, outputs and taps, each once. */
  readonly pinned: readonly ValueId[]
  readonly kvCache: KvCacheType
  readonly numbering: Numbering
}

/** Encodes a checked Program. */
export function encodeProgram(
  program: Program,
  plan: MemoryPlan,
  { maxTokens, pinned, kvCache, numbering }: EncodeOptions,
): Float64Array {
  const list = <T>(items: readonly T[], encode: (item: T, index: number) => readonly number[]) => [
    items.length,
    ...items.flatMap(encode),
  ]
  const same = (id: number) => [id]
  return Float64Array.from([
    LAYOUT_VERSION,
    maxTokens,
    plan.arenaBytes,
    KV_CACHE_TYPES.indexOf(kvCache),
    ...list(program.values, (value, id) => encodeValue(value, plan.offsets.get(id), numbering)),
    ...list(program.states, ({ kind, shape }, id) => [kind === 'kv' ? 1 : 0, product(shape), headsOf(program, id)]),
    ...list(program.ops, (op) => [
      numbering.ops.indexOf(op.kind),
      ...list(op.inputs, same),
      ...list(op.states, same),
      op.output,
      ...list(attrsOf(op), same),
    ]),
    ...list(plan.phases, (phase) => list(phase, same)),
    ...list(pinned, same),
  ])
}

/** How many heads share a row of a cache; the op that reads it knows. */
export function headsOf({ ops }: Program, state: number): number {
  return Number(ops.find(({ kind, states }) => kind === 'attention' && states.includes(state))?.attrs.Hk ?? 1)
}

function encodeValue(value: ValueInfo, offset: number | undefined, { dtypes }: Numbering): readonly number[] {
  if (value.kind === 'tokens') return [0]
  if (value.kind === 'weight') {
    // A third dimension counts matrices, each with an address of its own.
    const experts = value.shape.length === 3 ? value.shape[0]! : 0
    const columns = value.shape.at(-1) ?? 1
    const rows = product(value.shape) / columns / (experts || 1)
    return [1, dtypes.indexOf(value.dtype), rows, columns, experts]
  }
  // An input is an activation that no op writes: the step brings it.
  const [rows, columns] = value.shape
  return [2, typeof rows === 'number' ? rows : ROWS[rows], columns, offset ?? 0]
}

/** The constants of an op in the order of its definition; a word is its place in the list of allowed words. */
function attrsOf(op: OpNode): number[] {
  return Object.entries(definitionOf(op).attrs).map(([name, spec]) => {
    const attr = op.attrs[name]!
    return typeof spec === 'string' ? Number(attr) : spec.indexOf(String(attr))
  })
}

const product = (shape: readonly number[]) => shape.reduce((all, dimension) => all * dimension, 1)
