// What every executor checks before it trusts a Program's weights or a step's numbers.

import { FakError, fileOf, type WeightTensor } from '@fak/tensor'
import type { Step, WeightBindings } from './executor.js'
import { show } from './ops/define.js'
import type { Program, ValueId } from './program.js'
import type { WeightInfo } from './weights.js'

/**
 * Checks that every weight of the Program is bound to a tensor of the recorded type and shape.
 *
 * @throws FakError `PROGRAM_MISSING_WEIGHT`, `PROGRAM_WEIGHT_MISMATCH`
 */
export function checkBindings(program: Program, weights: WeightBindings): void {
  for (const value of program.values) {
    if (value.kind !== 'weight') continue
    const tensor = weights.get(value.label)
    if (tensor === undefined) {
      throw new FakError('PROGRAM_MISSING_WEIGHT', { reason: 'no tensor is bound to this weight', field: value.label })
    }
    const found = mismatch(tensor, value)
    if (found !== undefined) {
      throw new FakError('PROGRAM_WEIGHT_MISMATCH', {
        file: fileOf(tensor),
        reason: `recorded as ${value.dtype} ${show(value.shape)}, bound to ${found}`,
        field: value.label,
      })
    }
  }
}

/** What is bound instead of the recorded type and shape. A stack is plain data, so its parts may contradict it. */
function mismatch(tensor: WeightTensor, value: WeightInfo): string | undefined {
  const told = ({ dtype, shape }: WeightInfo) => `${dtype} ${show(shape)}`
  if (told(tensor) !== told(value)) return told(tensor)
  if (!('parts' in tensor)) return undefined
  const [count, ...shape] = value.shape
  if (tensor.parts.length !== count) return `a stack of ${tensor.parts.length} parts`
  const index = tensor.parts.findIndex((part) => told(part) !== told({ dtype: value.dtype, shape }))
  return index < 0 ? undefined : `a stack whose part ${index} is ${told(tensor.parts[index]!)}`
}

/** How many token ids the Program knows: the rows of its smallest embedding table. */
export function vocabularySize(program: Program): number {
  const tables = program.ops.filter((op) => op.kind === 'embedding').map((op) => program.values[op.inputs[1]!]!)
  return Math.min(...tables.map((table) => Number(table.shape[0])))
}

/** Checks that the steps fit into one pass together. @throws FakError `STEP_TOO_LONG` */
export function checkBatch(steps: readonly Step[], maxTokens: number): void {
  const total = steps.reduce((sum, { tokens }) => sum + (tokens instanceof Uint32Array ? tokens.length : 0), 0)
  if (total <= maxTokens) return
  const reason = `the steps have ${total} tokens together, and the program was prepared for at most ${maxTokens}`
  throw new FakError('STEP_TOO_LONG', { reason, field: 'tokens' })
}

/**
 * Checks the tokens and rows of a step and gives its R.
 *
 * @throws FakError `STEP_BAD_TOKENS` for anything but a Uint32Array, `STEP_TOO_LONG` for more than `maxTokens` tokens, `STEP_EMPTY` for
 * none, `STEP_BAD_ROWS` for rows outside 0 to T, `TOKEN_OUT_OF_RANGE` for an id that is
 * not in the vocabulary.
 */
export function checkStep({ tokens, rows = 1 }: Step, limits: { maxTokens: number; vocabulary: number }): number {
  // A -1 of an Int32Array would pass the comparison below and be a huge index to native code.
  if (!(tokens instanceof Uint32Array))
    throw new FakError('STEP_BAD_TOKENS', { reason: 'tokens must be a Uint32Array', field: 'tokens' })
  if (tokens.length === 0)
    throw new FakError('STEP_EMPTY', { reason: 'a step needs 1 or more tokens', field: 'tokens' })
  if (tokens.length > limits.maxTokens) {
    const reason = `the step has ${tokens.length} tokens, and the program was prepared for at most ${limits.maxTokens}`
    throw new FakError('STEP_TOO_LONG', { reason, field: 'tokens' })
  }
  if (!Number.isInteger(rows) || rows < 0 || rows > tokens.length) {
    const reason = `rows must be a whole number from 0 to ${tokens.length}, got ${rows}`
    throw new FakError('STEP_BAD_ROWS', { reason, field: 'rows' })
  }
  const index = tokens.findIndex((token) => token >= limits.vocabulary)
  if (index >= 0) {
    const reason = `token id ${tokens[index]} is not below the vocabulary size ${limits.vocabulary}`
    throw new FakError('TOKEN_OUT_OF_RANGE', { reason, field: `tokens[${index}]` })
  }
  return rows
}

/**
 * Checks the inputs of a step and copies them, by value.
 *
 * @throws FakError `STEP_BAD_INPUT` naming an input that is missing, unknown, of another length, or not of finite numbers
 */
export function checkInputs({ values }: Program, { tokens, inputs = {} }: Step): ReadonlyMap<ValueId, Float32Array> {
  const bad = (name: string, reason: string) => new FakError('STEP_BAD_INPUT', { reason, field: `inputs.${name}` })
  const checked = new Map<ValueId, Float32Array>()
  const known = new Set<string>()
  for (const [id, value] of values.entries()) {
    if (value.kind !== 'input') continue
    const { label, shape } = value
    known.add(label)
    const rows = Object.hasOwn(inputs, label) ? inputs[label] : undefined
    if (!(rows instanceof Float32Array)) throw bad(label, 'the step needs this input as a Float32Array')
    if (rows.length !== tokens.length * shape[1]) {
      throw bad(label, `must have ${tokens.length} rows of ${shape[1]}, got ${rows.length} numbers`)
    }
    const copy = rows.slice()
    if (!copy.every(Number.isFinite)) throw bad(label, 'has a number that is not finite')
    checked.set(id, copy)
  }
  const other = Object.keys(inputs).find((name) => !known.has(name))
  if (other !== undefined) throw bad(other, 'the program has no such input')
  return checked
}
