// What an op has to move and multiply in one step, from its shapes: what times are judged by.

import { type Dim, type OpNode, type PreparedProgram, stateArrayBytes } from '@fak/graph'
import { byteLength, elementCount } from '@fak/tensor'

/** The runtime scalars of a step. */
export interface StepShape {
  readonly tokens: number
  readonly rows: number
  readonly position: number
}

/** What an op cannot do without. */
export interface Traffic {
  /** Weight bytes, each read once; of a table that is looked up, its rows; of a stack of experts, those that are chosen. */
  readonly weightBytes: number
  /** State bytes: recurrent arrays read and written once, cached keys and values read once. */
  readonly stateBytes: number
  /** Multiply-adds of matrix products, attention and recurrences. */
  readonly macs: number
}

/** What is run, and how its executor holds states. */
export type Held = Pick<PreparedProgram, 'program' | 'stateArrays'>

/** The traffic of one op in one step. */
export function opTraffic({ program, stateArrays }: Held, op: OpNode, step: StepShape): Traffic {
  const { values } = program
  const count = (dim: Dim) => (dim === 'T' ? step.tokens : dim === 'R' ? step.rows : dim)
  const rows = count(values[op.output]!.shape[0]! as Dim)
  const attr = (name: string) => Number(op.attrs[name])
  const weights = op.inputs.flatMap((id) => {
    const value = values[id]!
    return value.kind === 'weight' ? [value] : []
  })
  const stored = (shapeOf: (shape: readonly number[]) => readonly number[]) =>
    weights.reduce((sum, { dtype, shape }) => sum + byteLength(dtype, shapeOf(shape)), 0)
  const arrays = op.states.map((id) => stateArrays[id]!)
  const bytesOf = (kind: 'kv' | 'recurrent') =>
    arrays.reduce((sum, array) => sum + (array.kind === kind ? stateArrayBytes(array, 1) : 0), 0)
  const recurrent = 2 * bytesOf('recurrent')
  if (rows === 0) return { weightBytes: 0, stateBytes: recurrent, macs: 0 }

  switch (op.kind) {
    case 'embedding':
      return { weightBytes: rows * stored((shape) => shape.slice(1)), stateBytes: 0, macs: 0 }
    case 'linear':
      return { weightBytes: stored(same), stateBytes: 0, macs: rows * elementCount(weights[0]!.shape) }
    case 'expertLinear': {
      const { shape } = weights[0]!
      const one = elementCount(shape.slice(1))
      const chosen = step.tokens * attr('topK')
      // As many different ones as independent, even choices would hit.
      const different = step.tokens === 1 ? chosen : shape[0]! * (1 - (1 - attr('topK') / shape[0]!) ** step.tokens)
      return { weightBytes: different * stored((all) => all.slice(1)), stateBytes: 0, macs: chosen * one }
    }
    case 'attention': {
      const held = step.position + rows
      const pairs = rows * step.position + (rows * (rows + 1)) / 2
      const macs = pairs * attr('Hq') * (attr('Dk') + attr('Dv'))
      return { weightBytes: 0, stateBytes: held * bytesOf('kv'), macs }
    }
    case 'gatedDelta':
      return {
        weightBytes: stored(same),
        stateBytes: recurrent,
        macs: 3 * rows * attr('Hv') * attr('Dk') * attr('Dv'),
      }
    case 'causalConv1d':
      return { weightBytes: stored(same), stateBytes: recurrent, macs: rows * elementCount(weights[0]!.shape) }
    default:
      return { weightBytes: stored(same), stateBytes: recurrent, macs: 0 }
  }
}

const same = (shape: readonly number[]) => shape

/** Bytes that one token moves at a position, which may lie between two. */
export function bytesPerToken(held: Held, position: number): number {
  const traffic = held.program.ops.map((op) => opTraffic(held, op, { tokens: 1, rows: 1, position }))
  return traffic.reduce((sum, { weightBytes, stateBytes }) => sum + weightBytes + stateBytes, 0)
}

/** Multiply-adds of the matrix products that every prompt token goes through: the head runs for the last one only. */
export function macsPerToken(held: Held): number {
  const { ops, values } = held.program
  const matrices = ops.filter(({ kind }) => kind === 'linear' || kind === 'expertLinear')
  const inner = matrices.filter(({ inputs }) => values[inputs[0]!]!.shape[0] === 'T')
  const oneToken = { tokens: 1, rows: 1, position: 0 }
  return inner.reduce((sum, op) => sum + opTraffic(held, op, oneToken).macs, 0)
}
