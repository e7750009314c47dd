// A tensor as float32, a few rows at a time so that the largest fits, and what other types would make of it.
import { fileURLToPath } from 'node:url'
import { demoModelUrl } from '@fak/demo-model'
import { openGguf } from '@fak/gguf/node'
import { dequantize, quantize, readRows, rowBytes } from '@fak/tensor'

const file = await openGguf(fileURLToPath(demoModelUrl)) // or any .gguf
const tensor = file.tensors.get('blk.0.ffn_down.weight')!
const [rows = 0, width = 0] = tensor.shape
console.log(tensor.dtype, tensor.shape)

const types = ['F16', 'Q8_0', 'Q6_K', 'Q4_K'] as const
const squares = { F16: 0, Q8_0: 0, Q6_K: 0, Q4_K: 0 }
let total = 0
for (let start = 0; start < rows; start += 64) {
  const exact = await readRows(tensor, { start, end: Math.min(start + 64, rows) }) // a Float32Array, row after row
  for (const x of exact) total += x * x
  for (const type of types) {
    const stored = quantize(type, exact) // the bytes that ggml's reference quantizers write
    const back = dequantize(type, stored, exact.length)
    for (const [i, x] of exact.entries()) squares[type] += (back[i]! - x) ** 2
  }
}
for (const type of types) {
  const bits = (8 * rowBytes(type, width)) / width
  console.log(`${type}: ${bits.toFixed(2)} bits a weight, error ${Math.sqrt(squares[type] / total).toExponential(1)}`)
}
await file.close()
