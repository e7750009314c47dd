// What leaves the layers, beside what another program computed and wrote to a file.

import { type Difference, difference, readTaps } from '@fak/graph/compare'
import { dequantize, FakError, layoutOf } from '@fak/tensor'
import { fileSource } from '@fak/tensor/node'
import type { Side } from './sides.js'

/** One value that leaves a layer. */
export interface LayerComparison {
  readonly label: string
  readonly tolerance: number
  readonly accumulated: Difference
}

/** Rounding of a float model over all layers. */
const FLOAT_TOLERANCE = 1e-3
/** With activations quantized in every layer, rounding piles up to parts of a row. */
const BLOCK_TOLERANCE = 0.5

/**
 * Compares the embedding, every layer's output and the final norm with a file of f32 `[values, T, hidden]`. The file may leave out what
 * leaves the last layer, as the `hidden_states` of HF transformers do.
 *
 * @throws FakError `COMPARE_BAD_FILE` when the file has neither size
 */
export async function compareWithFile(
  path: string,
  side: Side,
  steps: readonly Uint32Array[],
  { tolerance, signal }: { tolerance: number | undefined; signal: AbortSignal },
): Promise<LayerComparison[]> {
  const { hidden, layerKinds } = side.opened.model.config
  const layers = layerKinds.map((_, i) => `layers.${i}`)
  const every = ['embed_tokens', ...layers, 'norm']
  const withoutLast = ['embed_tokens', ...layers.slice(0, -1), 'norm']
  const size = steps.reduce((sum, tokens) => sum + tokens.length, 0) * hidden
  const expected = await readFloats(path, [every.length * size, withoutLast.length * size])
  if (typeof expected === 'number') {
    const wanted = [every, withoutLast].map(
      ({ length }) => `${length * size * 4} ([${length}, ${size / hidden}, ${hidden}])`,
    )
    const reason = `has ${expected} bytes; f32 values of these tokens take ${wanted.join(' or ')}`
    throw new FakError('COMPARE_BAD_FILE', { file: path, reason })
  }
  const labels = expected.length === every.length * size ? every : withoutLast
  const taps = await readTaps(side, side.program, steps, labels, { signal })
  const allowed = tolerance ?? (hasBlocks(side) ? BLOCK_TOLERANCE : FLOAT_TOLERANCE)
  return labels.map((label, i) => {
    const accumulated = difference(expected.subarray(i * size, (i + 1) * size), taps.get(label)!, hidden)
    return { label, tolerance: allowed, accumulated }
  })
}

/**
 * Reads a file of little-endian f32 numbers, if it has one of the given counts of them.
 *
 * @returns the numbers; or how many bytes there are when that is another count
 */
async function readFloats(path: string, counts: readonly number[]): Promise<Float32Array | number> {
  const source = await fileSource(path)
  try {
    const count = source.size / Float32Array.BYTES_PER_ELEMENT
    if (!counts.includes(count)) return source.size
    return dequantize('F32', await source.read(0, source.size), count)
  } finally {
    await source.close()
  }
}

const hasBlocks = ({ weights }: Side): boolean =>
  [...weights.values()].some(({ dtype }) => layoutOf(dtype).blockElements > 1)
