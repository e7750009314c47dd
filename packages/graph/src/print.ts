// A Program as text, for people and for diffs, and a short hash of it, for caches and tests.

import { show } from './ops/define.js'
import type { OpNode, Program, ValueId } from './program.js'

/**
 * Writes a Program as text, one line per weight, state, op and output. Two Programs are the same exactly when their texts are.
 *
 * ```
 * %4 [T, 64] = rmsNorm(%2, layers.0.input_layernorm.weight) eps=0.000001  ; layers.0.input_layernorm
 * ```
 */
export function printProgram(program: Program): string {
  const name = (id: ValueId): string => {
    const value = program.values[id]!
    return value.kind === 'activation' ? `%${id}` : value.label
  }
  const opLine = (op: OpNode): string => {
    const operands = [...op.inputs.map(name), ...op.states.map((i) => `&${program.states[i]!.label}`)]
    const attrs = Object.keys(op.attrs)
      .sort()
      .map((key) => ` ${key}=${op.attrs[key]}`)
    const { shape, label } = program.values[op.output]!
    const at = label === op.label ? label : `${op.label} -> ${label}`
    return `%${op.output} ${show(shape)} = ${op.kind}(${operands.join(', ')})${attrs.join('')}  ; ${at}`
  }
  return [
    ...program.values.flatMap((v) => (v.kind === 'weight' ? [`weight ${v.label} ${v.dtype} ${show(v.shape)}`] : [])),
    ...program.values.flatMap((v) => (v.kind === 'input' ? [`input ${v.label} ${show(v.shape)}`] : [])),
    ...program.states.map((s) => `state ${s.label} ${s.kind} ${show(s.shape)}`),
    ...program.ops.map(opLine),
    ...Object.entries(program.outputs).map(([key, id]) => `output ${key} = ${name(id)}`),
    '',
  ].join('\n')
}

/**
 * 64-bit FNV-1a hash of {@link printProgram}'s text, as 16 hexadecimal digits. It tells Programs apart; it does not resist an attacker.
 * Source: draft-eastlake-fnv, 64-bit parameters.
 */
export function hashProgram(program: Program): string {
  let hash = 0xcbf29ce484222325n
  for (const byte of new TextEncoder().encode(printProgram(program))) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)
  }
  return hash.toString(16).padStart(16, '0')
}
