// Ops cut loose from each other: a Program in which every op reads given values instead of what the ops before it wrote.

import { bytesSource, type TensorData, type WeightTensor } from '@fak/tensor'
import type { WeightBindings } from '../executor.js'
import type { OpNode, Program, ValueId, ValueInfo } from '../program.js'

/** A Program that an executor prepares like any other, and the tensors to bind. Run it on the tokens 0, 1, 2, … in order. */
export interface Isolated {
  readonly program: Program
  readonly weights: WeightBindings
}

/**
 * Makes a Program of the given ops alone. An activation that they read becomes the rows of a table in memory, which an embedding picks
 * by position; so any executor runs it, with states as they grow from step to step. Ops keep their labels, and ops that read one value
 * still do.
 *
 * @param indices Ops of the program that do not read the tokens, in order.
 * @param weights Bindings of the program.
 * @param given What the ops read: by value, all rows of all steps, each step run with as many rows as tokens.
 */
export function isolate(
  program: Program,
  indices: readonly number[],
  weights: WeightBindings,
  given: (id: ValueId) => Float32Array,
): Isolated {
  const values: ValueInfo[] = [{ kind: 'tokens', shape: ['T'], label: 'tokens' }]
  const ops: OpNode[] = []
  const bound = new Map<string, WeightTensor>()
  const stateOf = new Map<number, number>()
  const copyOf = new Map<ValueId, ValueId>()
  const add = (value: ValueInfo): ValueId => values.push(value) - 1
  const addOp = (kind: string, inputs: readonly ValueId[], value: ValueInfo): ValueId => {
    const output = add(value)
    ops.push({ kind, inputs, states: [], output, attrs: {}, label: value.label })
    return output
  }

  const read = (id: ValueId): ValueId => {
    const value = program.values[id]!
    if (value.kind === 'weight') {
      bound.set(value.label, weights.get(value.label)!)
      return add(value)
    }
    const columns = Number(value.shape[1])
    const table = tableOf(given(id), columns)
    const label = `given ${value.label}`
    bound.set(label, table)
    const weight = add({ kind: 'weight', dtype: 'F32', shape: table.shape, label })
    const picked = addOp('embedding', [0, weight], { kind: 'activation', shape: ['T', columns], label })
    if (value.kind === 'activation' && value.shape[0] === 'R') {
      return addOp('lastRows', [picked], { kind: 'activation', shape: ['R', columns], label: `${label}, rows` })
    }
    return picked
  }
  const once = <K>(map: Map<K, number>, key: K, make: (key: K) => number): number => {
    const known = map.get(key) ?? make(key)
    map.set(key, known)
    return known
  }

  const states: Program['states'][number][] = []
  const written = indices.map((index) => {
    const op = program.ops[index]!
    const inputs = op.inputs.map((id) => once(copyOf, id, read))
    const carried = op.states.map((state) => once(stateOf, state, () => states.push(program.states[state]!) - 1))
    const output = add(program.values[op.output]!)
    ops.push({ ...op, inputs, states: carried, output })
    return output
  })
  return { program: { values, states, ops, outputs: { last: written.at(-1)! } }, weights: bound }
}

function tableOf(values: Float32Array, columns: number): TensorData {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  const shape = [values.length / columns, columns]
  return { dtype: 'F32', shape, source: bytesSource(bytes), offset: 0, byteLength: bytes.byteLength }
}
