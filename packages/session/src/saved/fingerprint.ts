// Fingerprints that tie a saved session to the model and the tokenizer that made it.

import { type Program, printProgram, type WeightBindings } from '@fak/graph'
import { sliceAt, type TensorData, type WeightTensor } from '@fak/tensor'

/** Bytes of a sample; a tensor of no more than three of them is taken whole. */
const SAMPLE_BYTES = 1024

/** SHA-256 over pieces of text and bytes and their lengths, as 64 hexadecimal digits. */
export async function fingerprint(pieces: Iterable<string | Uint8Array>): Promise<string> {
  const encoder = new TextEncoder()
  const parts = Array.from(pieces, (piece) => (typeof piece === 'string' ? encoder.encode(piece) : piece))
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + 4 + length, 0))
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const part of parts) {
    view.setUint32(at, part.length, true)
    bytes.set(part, at + 4)
    at += 4 + part.length
  }
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/**
 * Fingerprint of a Program and of samples of every weight it reads: the beginning, the middle and the end. A model trained further differs in
 * every sample; a file damaged elsewhere does not show, and is not looked for here.
 *
 * @throws the errors of the weights' sources
 */
export async function modelFingerprint(program: Program, weights: WeightBindings): Promise<string> {
  const pieces: (string | Uint8Array)[] = [printProgram(program)]
  for (const value of program.values) {
    const weight = value.kind === 'weight' ? weights.get(value.label) : undefined
    if (weight === undefined) continue
    for (const tensor of sampled(weight)) pieces.push(...(await samplesOf(tensor)))
  }
  return fingerprint(pieces)
}

/** A tensor itself; of a stack the first, the middle and the last part. */
function sampled(weight: WeightTensor): readonly TensorData[] {
  if (!('parts' in weight)) return [weight]
  const last = weight.parts.length - 1
  return [...new Set([0, last >> 1, last])].map((i) => sliceAt(weight, i))
}

function samplesOf({ source, offset, byteLength }: TensorData): Promise<Uint8Array[]> {
  if (byteLength <= 3 * SAMPLE_BYTES) return Promise.all([source.read(offset, byteLength)])
  const last = byteLength - SAMPLE_BYTES
  return Promise.all([0, Math.floor(last / 2), last].map((at) => source.read(offset + at, SAMPLE_BYTES)))
}
