// From bound tensors to addresses: large weights of local files are mapped and used where they lie, those in memory likewise; whatever
// has neither path nor bytes is read into memory once. Nothing is ever transcoded.

import type { PrepareOptions, Program, WeightBindings } from '@fak/graph'
import { byteLength, FakError, sliceAt, storedBytes, type TensorData } from '@fak/tensor'
import type { Addon, NativeBinding, NativeMapping, NativeWeight } from './addon.js'

/** Weights up to this size are copied: norms and other vectors, which then share pages and are aligned. */
const COPIED_BYTES = 64 * 1024

/** The weights of a program, by value; and the files that are mapped. */
export interface BoundWeights {
  readonly weights: NativeBinding[]
  readonly files: readonly string[]
}

/**
 * Finds every weight of a program whose bindings have been checked.
 *
 * @throws FakError `ABORTED`, `PROGRAM_WEIGHT_MISMATCH` for a byte length that type and shape do not give, `FILE_CHANGED` for a file that is
 * not the size it was opened with, `READ_FAILED` when it cannot be mapped, and what {@link ByteSource.read} throws.
 */
export async function bindWeights(
  program: Program,
  bindings: WeightBindings,
  addon: Addon,
  { onProgress, signal }: PrepareOptions,
): Promise<BoundWeights> {
  const tensors = program.values.map((value) => (value.kind === 'weight' ? bindings.get(value.label)! : undefined))
  const total = tensors.reduce((sum, tensor) => sum + (tensor === undefined ? 0 : storedBytes(tensor)), 0)
  const mappings = new Map<string, NativeMapping>()
  const weights: NativeBinding[] = []
  let done = 0
  const place = async (tensor: TensorData, label: string): Promise<NativeWeight> => {
    if (signal?.aborted) throw new FakError('ABORTED', { reason: 'the caller aborted', cause: signal.reason })
    checkLength(tensor, label)
    const weight = await bind(tensor, mappings, addon, signal)
    done += tensor.byteLength
    onProgress?.(done, total)
    return weight
  }
  for (const [id, tensor] of tensors.entries()) {
    const { label } = program.values[id]!
    if (tensor === undefined) weights.push(undefined)
    else if (!('parts' in tensor) && tensor.shape.length < 3) weights.push(await place(tensor, label))
    else {
      const matrices: NativeWeight[] = []
      for (let i = 0; i < tensor.shape[0]!; i++) matrices.push(await place(sliceAt(tensor, i), `${label}[${i}]`))
      weights.push(matrices)
    }
  }
  return { weights, files: [...mappings.keys()] }
}

async function bind(
  tensor: TensorData,
  mappings: Map<string, NativeMapping>,
  addon: Addon,
  signal: AbortSignal | undefined,
): Promise<NativeWeight> {
  const { source, offset } = tensor
  const small = tensor.byteLength <= COPIED_BYTES
  if (!small && source.path !== undefined) {
    const mapping = mappings.get(source.path) ?? mapFile(tensor, source.path, addon)
    mappings.set(source.path, mapping)
    return { mapping, offset }
  }
  const { bytes } = source
  // Memory that other threads of JavaScript may write is copied by reading.
  if (bytes !== undefined && bytes.buffer instanceof ArrayBuffer) {
    return { data: bytes.subarray(offset, offset + tensor.byteLength), copy: small }
  }
  const read = await source.read(offset, tensor.byteLength, signal === undefined ? {} : { signal })
  return { data: read, copy: small }
}

function mapFile({ source }: TensorData, path: string, addon: Addon): NativeMapping {
  let mapping: NativeMapping
  try {
    mapping = new addon.Mapping(path)
  } catch (cause) {
    const reason = `the file cannot be mapped: ${(cause as Error).message}`
    throw new FakError('READ_FAILED', { file: source.name, reason, cause })
  }
  if (mapping.byteLength !== source.size) {
    const reason = `the file has ${mapping.byteLength} bytes now; it was opened with ${source.size}`
    throw new FakError('FILE_CHANGED', { file: source.name, reason })
  }
  return mapping
}

function checkLength(tensor: TensorData, field: string): void {
  const expected = byteLength(tensor.dtype, tensor.shape)
  const inside = tensor.offset >= 0 && tensor.offset + tensor.byteLength <= tensor.source.size
  if (tensor.byteLength === expected && inside) return
  const reason = `${tensor.byteLength} bytes at ${tensor.offset} of a source of ${tensor.source.size}; type and shape take ${expected}`
  throw new FakError('PROGRAM_WEIGHT_MISMATCH', { file: tensor.source.name, reason, field })
}
