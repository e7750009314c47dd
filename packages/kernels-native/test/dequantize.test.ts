import { readFileSync } from 'node:fs'
import { ops, record, Weights } from '@fak/graph'
import { bytesSource, type DType, dequantize, dtypes, type TensorData } from '@fak/tensor'
import { sameBits } from '@fak/testkit'
import { describe, expect, it } from 'vitest'
import { NativeExecutor } from '../src/index.js'

// Blocks in which every point of a type's lattice stands once; fixtures/README.md. @fak/tensor is held to the official values of them.
const lattices = JSON.parse(
  readFileSync(new URL('../../../fixtures/dequant/lattices.json', import.meta.url), 'utf8'),
) as Record<string, { raw: string }>

describe('the native dequantization', () => {
  it.each(Object.entries(lattices))('knows every point of the lattice of %s', async (name, { raw }) => {
    const dtype = name as DType
    const bytes = new Uint8Array(Buffer.from(raw, 'base64'))
    const rows = bytes.length / dtypes[dtype].blockBytes
    const shape = [rows, dtypes[dtype].blockElements]
    const tensor: TensorData = { dtype, shape, source: bytesSource(bytes), offset: 0, byteLength: bytes.length }
    const weights = new Map([['table.weight', tensor]])
    const program = record((g) => {
      const weight = g.weight(new Weights(weights, 'table'))
      return { y: g.op(ops.lastRows, { x: g.op(ops.embedding, { tokens: g.tokens(), weight }, {}) }, {}) }
    })
    const prepared = await new NativeExecutor({ threads: 1 }).prepare(program, weights, { maxTokens: rows })
    const tokens = Uint32Array.from({ length: rows }, (_, i) => i)
    const { outputs } = await prepared.run({ state: prepared.createState(), tokens, rows })
    expect(sameBits(outputs.y!, dequantize(dtype, bytes, rows * shape[1]!))).toBe(true)
    await prepared.dispose()
  })
})
