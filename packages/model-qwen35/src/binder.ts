// Taking tensors out of a model file: found, checked, remembered. Small vectors are rewritten in memory; nothing else is read.

import {
  bytesSource,
  canDequantize,
  FakError,
  readRows,
  type TensorData,
  type WeightSource,
  type WeightTensor,
} from '@fak/tensor'

/** Types of counts and masks; as weights they would be the packed form of another type, which has to be unpacked first. */
const INTEGERS = /^([IU]\d+|BOOL)$/

/** Takes tensors out of a source, checks them, and knows which are left. */
export class Binder {
  readonly bindings = new Map<string, WeightTensor>()
  readonly #stored: WeightSource
  readonly #taken = new Set<string>()

  constructor(stored: WeightSource) {
    this.#stored = stored
  }

  has(name: string): boolean {
    return this.#stored.tensors.has(name)
  }

  /**
   * The tensor of that name.
   *
   * @throws FakError `MODEL_MISSING_TENSOR`, `MODEL_BAD_TENSOR_SHAPE`, `MODEL_UNSUPPORTED_TENSOR_TYPE`
   */
  take(name: string, ...shapes: readonly (readonly number[])[]): TensorData {
    const tensor = this.#stored.tensors.get(name)
    if (tensor === undefined) throw this.error('MODEL_MISSING_TENSOR', name, 'the tensor is missing')
    if (!shapes.some((shape) => tensor.shape.join() === shape.join())) {
      const expected = shapes.map((shape) => `[${shape.join(', ')}]`).join(' or ')
      const reason = `expected shape ${expected}, found [${tensor.shape.join(', ')}]`
      throw this.error('MODEL_BAD_TENSOR_SHAPE', name, reason)
    }
    if (!canDequantize(tensor.dtype) || INTEGERS.test(tensor.dtype)) {
      throw this.error('MODEL_UNSUPPORTED_TENSOR_TYPE', name, `weights of type ${tensor.dtype} cannot be run`)
    }
    this.#taken.add(name)
    return tensor
  }

  bind(label: string, tensor: WeightTensor): void {
    this.bindings.set(label, tensor)
  }

  /** A tensor that nothing uses would change the model if it were used: a bias, a scale. Better no answer than a wrong one. */
  refuseOthers(matters: (name: string) => boolean): void {
    for (const name of this.#stored.tensors.keys()) {
      if (this.#taken.has(name) || !matters(name)) continue
      const reason = /_exps\.scale$/.test(name)
        ? 'experts with a scale each are not supported yet; convert them to another type than NVFP4'
        : 'the configuration has no place for this tensor'
      throw this.error('MODEL_UNEXPECTED_TENSOR', name, reason)
    }
  }

  /** Notes that a tensor, if it is there, has no part in the result. */
  ignore(name: string): void {
    this.#taken.add(name)
  }

  /** An error about a tensor of this source. */
  error(code: string, name: string, reason: string): FakError {
    return new FakError(code, { file: this.#stored.name, reason, field: name })
  }
}

/** A small tensor as F32 in memory, each element through `transform`. */
export async function rewritten(
  tensor: TensorData,
  shape: readonly number[],
  transform: (x: number) => number,
): Promise<TensorData> {
  const values = (await readRows(tensor)).map(transform)
  const bytes = new Uint8Array(values.buffer)
  const source = bytesSource(bytes, tensor.source.name)
  return { dtype: 'F32', shape, source, offset: 0, byteLength: bytes.byteLength }
}

/** Rows `start` to `start + shape[0]` of a stored matrix. */
export function rowsOf(tensor: TensorData, start: number, shape: readonly number[]): TensorData {
  const stride = tensor.byteLength / tensor.shape[0]!
  const { dtype, source } = tensor
  return { dtype, shape, source, offset: tensor.offset + start * stride, byteLength: shape[0]! * stride }
}
