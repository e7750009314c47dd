// What the tests of this package share.

import type { PreparedProgram, SequenceState } from '@fak/graph'
import { nativeInfo } from '../src/index.js'

const info = nativeInfo()
if (info === undefined) {
  throw new Error('the native kernels are not built; run: node packages/kernels-native/scripts/build-native.mjs')
}

/** Instruction sets of this machine, slowest first. */
export const isas = info.isas

/** Stored types without a kernel of their own. */
export const dequantized = info.dequantized

/** Logits of every token, run in steps of `chunk` tokens. */
export async function logitsOf(prepared: PreparedProgram, tokens: Uint32Array, chunk: number): Promise<Float32Array> {
  const state = prepared.createState()
  const rows: number[] = []
  for (let start = 0; start < tokens.length; start += chunk) {
    for (const x of await allRows(prepared, state, tokens.slice(start, start + chunk))) rows.push(x)
  }
  await state.dispose()
  return Float32Array.from(rows)
}

/** Logits of all rows of one step. */
export async function allRows(
  prepared: PreparedProgram,
  state: SequenceState,
  tokens: Uint32Array,
): Promise<Float32Array> {
  return (await prepared.run({ state, tokens, rows: tokens.length })).outputs.logits!
}
