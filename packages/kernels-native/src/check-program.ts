// What must hold before native code may trust a Program: kernels exist, operands are in range, shapes follow the op definitions, and
// every activation is written once, before it is read. A Program is plain data, so it may come from anywhere.

import { type OpDefinition, type OpNode, OpSite, ops, type Program } from '@fak/graph'
import { FakError, quote } from '@fak/tensor'

const definitions: ReadonlyMap<string, OpDefinition> = new Map(
  Object.values(ops as unknown as Record<string, OpDefinition>).map((definition) => [definition.kind, definition]),
)

/** The definition of a kind that {@link checkProgram} let through. */
export const definitionOf = (op: OpNode): OpDefinition => definitions.get(op.kind)!

/**
 * Checks a Program against the kinds and stored types that native code has.
 *
 * @throws FakError `PROGRAM_UNSUPPORTED` listing every op kind and weight type without a kernel; `PROGRAM_INVALID`, or `GRAPH_SHAPE` from a
 * shape rule, for a Program that no builder would have recorded.
 */
export function checkProgram(program: Program, has: { ops: readonly string[]; dtypes: readonly string[] }): void {
  const missing = new Set<string>()
  for (const { kind } of program.ops) {
    if (!has.ops.includes(kind) || !definitions.has(kind)) missing.add(`op ${quote(kind)}`)
  }
  for (const value of program.values) {
    if (value.kind === 'weight' && !has.dtypes.includes(value.dtype)) missing.add(`weight type ${value.dtype}`)
  }
  if (missing.size > 0) {
    throw new FakError('PROGRAM_UNSUPPORTED', { reason: `no native kernel for ${[...missing].join(', ')}` })
  }

  const written = new Set<number>()
  for (const op of program.ops) {
    checkOp(program, op, written)
    written.add(op.output)
  }
  for (const id of Object.values(program.outputs)) {
    if (!written.has(id)) throw invalid('an output is written by no op', 'outputs')
  }
}

function checkOp(program: Program, op: OpNode, written: ReadonlySet<number>): void {
  const definition = definitions.get(op.kind)!
  if (op.inputs.length !== definition.inputs.length || op.states.length !== definition.states.length) {
    throw invalid(`${op.kind} has the wrong number of operands`, op.label)
  }
  for (const id of op.inputs) {
    const value = program.values[id]
    if (value === undefined || (value.kind === 'activation' && !written.has(id))) {
      throw invalid(`${op.kind} reads value ${id} before anything writes it`, op.label)
    }
  }
  if (op.states.some((state) => program.states[state] === undefined)) {
    throw invalid(`${op.kind} names a state that is not declared`, op.label)
  }
  for (const [name, spec] of Object.entries(definition.attrs)) {
    const attr = op.attrs[name]
    const good =
      spec === 'count'
        ? Number.isSafeInteger(attr) && Number(attr) > 0
        : spec === 'number'
          ? Number.isFinite(attr)
          : spec.includes(String(attr))
    if (!good) throw invalid(`${op.kind} has no valid ${name}`, op.label)
  }

  const site = new OpSite(
    op.label,
    Object.fromEntries(definition.inputs.map((name, i) => [name, program.values[op.inputs[i]!]!])),
    Object.fromEntries(definition.states.map((name, i) => [name, program.states[op.states[i]!]!])),
  )
  const shape = definition.shape(site, op.attrs as never)
  const output = program.values[op.output]
  if (output?.kind !== 'activation' || written.has(op.output) || output.shape.join() !== shape.join()) {
    throw invalid(`${op.kind} must write a fresh activation of [${shape.join(', ')}]`, op.label)
  }
}

const invalid = (reason: string, field: string) => new FakError('PROGRAM_INVALID', { reason, field })
