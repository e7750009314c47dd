// Two recordings of one model, op by op: what is checked before their values are put side by side.

import { FakError } from '@fak/tensor'
import { show } from '../ops/define.js'
import type { OpNode, Program, ValueId } from '../program.js'

/** Checked to have the same ops in the same order, with the same operands and output shapes. */
export interface Pair {
  readonly a: Program
  readonly b: Program
  /** By a value that an op of `a` writes, the index of that op; it is the index of the op of `b` as well. */
  readonly writerOf: ReadonlyMap<ValueId, number>
}

/**
 * Puts two Programs side by side. Constants of ops and types of weights may differ.
 *
 * @throws FakError `COMPARE_MISMATCH` naming the first op that has no counterpart, or another one
 */
export function pairPrograms(a: Program, b: Program): Pair {
  const [writerOf, writerOfB] = [writers(a), writers(b)]
  for (let i = 0; i < Math.max(a.ops.length, b.ops.length); i++) {
    const [opA, opB] = [a.ops[i], b.ops[i]]
    if (opA === undefined || opB === undefined) {
      const reason = `the programs are not of one model: they have ${a.ops.length} and ${b.ops.length} ops`
      throw new FakError('COMPARE_MISMATCH', { reason, field: (opA ?? opB)!.label })
    }
    const [inA, inB] = [describe(a, opA, writerOf), describe(b, opB, writerOfB)]
    if (inA === inB) continue
    const reason = `the programs are not of one model: op ${i} is ${inA} in the first and ${inB} in the second`
    throw new FakError('COMPARE_MISMATCH', { reason, field: opA.label })
  }
  return { a, b, writerOf }
}

const writers = (program: Program): Map<ValueId, number> => new Map(program.ops.map((op, i) => [op.output, i] as const))

function describe(program: Program, op: OpNode, writerOf: ReadonlyMap<ValueId, number>): string {
  const operands = op.inputs.map((id) => {
    const value = program.values[id]!
    // A weight may have another name in the other file, as a tied head has; its shape says enough.
    return value.kind === 'activation' ? program.ops[writerOf.get(id)!]!.label : `${value.kind} ${show(value.shape)}`
  })
  const { shape, label } = program.values[op.output]!
  return `${label} ${show(shape)} = ${op.kind}(${operands.join(', ')})`
}

/** The ops before `end`, as a Program of their own whose output is the last one's. */
export function firstOps(program: Program, end: number): Program {
  if (end === program.ops.length) return program
  return { ...program, ops: program.ops.slice(0, end), outputs: { last: program.ops[end - 1]!.output } }
}
