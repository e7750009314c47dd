import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { demoModelUrl } from '@fak/demo-model'
import { openGguf } from '@fak/gguf/node'
import { type DType, dequantize, quantize, readRows } from '@fak/tensor'
import { describe, expect, it } from 'vitest'

// Bytes and errors by ggml's own quantizers; fixtures/scripts/make_quantize.py says how they were made.
const { demo } = JSON.parse(
  readFileSync(new URL('../../../fixtures/quantize/index.json', import.meta.url), 'utf8'),
) as { demo: Record<string, { rows: number; types: Record<string, { sha256: string; mse: number }> }> }

describe('trained weights quantized as ggml does', () => {
  it.each(Object.keys(demo))('on trained weights: %s', async (name) => {
    const { rows, types } = demo[name]!
    const gguf = await openGguf(fileURLToPath(demoModelUrl))
    const floats = await readRows(gguf.tensors.get(name)!, { end: rows })
    await gguf.close()
    for (const [type, { sha256, mse }] of Object.entries(types)) {
      const bytes = quantize(type as DType, floats)
      expect(createHash('sha256').update(bytes).digest('hex'), type).toBe(sha256)
      const back = dequantize(type as DType, bytes, floats.length)
      const error = back.reduce((sum, x, i) => sum + (x - floats[i]!) ** 2, 0) / floats.length
      expect(error, type).toBeLessThanOrEqual(mse * 1.00001)
    }
  })
})
