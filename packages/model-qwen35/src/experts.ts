// The experts of a layer in every form that files have: one tensor of rank 3, the halves of a fused one, or a matrix per expert. The graph
// sees gate_proj, up_proj and down_proj; where they lie stays as it is.

import { sliceAt, stackTensors, type TensorData, type WeightTensor } from '@fak/tensor'
import { type Binder, rowsOf } from './binder.js'

type Shape = readonly number[]

/**
 * One projection of all experts from an HF checkpoint: packed (`experts.gate_up_proj` with gate above up, `experts.down_proj`) or as one
 * matrix per expert (`experts.0.gate_proj.weight`, …).
 *
 * @param name Full name of the projection without an expert's index: `….experts.gate_proj.weight`.
 * @param shape `[E, rows, columns]`
 */
export function hfExperts(binder: Binder, name: string, shape: Shape): WeightTensor {
  const [, experts, part] = /^(.*\.experts\.)(\w+)_proj\.weight$/.exec(name)!
  const packed = `${experts}${part === 'down' ? 'down' : 'gate_up'}_proj`
  // Most checkpoints leave the suffix out.
  const packedName = [packed, `${packed}.weight`].find((candidate) => binder.has(candidate))
  if (packedName !== undefined) {
    return part === 'down' ? binder.take(packedName, shape) : fusedHalf(binder, packedName, shape, part === 'up')
  }
  const matrices = Array.from({ length: shape[0]! }, (_, e) => `${experts}${e}.${part}_proj.weight`)
  const parts = matrices.map((matrix) => binder.take(matrix, shape.slice(1)))
  const odd = parts.findIndex(({ dtype }) => dtype !== parts[0]!.dtype)
  if (odd >= 0) {
    const reason = `the experts of a layer must have one type; this one is ${parts[odd]!.dtype}, the first ${parts[0]!.dtype}`
    throw binder.error('MODEL_UNSUPPORTED_TENSOR_TYPE', matrices[odd]!, reason)
  }
  return stackTensors(parts)
}

/**
 * One projection of all experts from a GGUF file: `ffn_gate_exps`, `ffn_up_exps` and `ffn_down_exps`, or gate and up fused in
 * `ffn_gate_up_exps`.
 */
export function ggufExperts(binder: Binder, name: string, shape: Shape): WeightTensor {
  const fused = name.replace(/ffn_(gate|up)_exps/, 'ffn_gate_up_exps')
  if (!binder.has(fused)) return binder.take(name, shape)
  return fused === name ? binder.take(name, shape) : fusedHalf(binder, fused, shape, name.includes('ffn_up_exps'))
}

/** The upper (gate) or lower (up) half of every matrix of `[E, 2 rows, columns]`. */
function fusedHalf(binder: Binder, name: string, [count, rows, columns]: Shape, lower: boolean): WeightTensor {
  const fused = binder.take(name, [count!, 2 * rows!, columns!])
  const half = (e: number): TensorData => rowsOf(sliceAt(fused, e), lower ? rows! : 0, [rows!, columns!])
  return stackTensors(Array.from({ length: count! }, (_, e) => half(e)))
}
