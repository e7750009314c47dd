// Where tensor data lies in the file. The data of all tensors, each padded to the alignment, must fill one run from the data
// offset on: an overlap or a hole means that the header does not describe this file. Padding after the last is optional.

import { label } from '@fak/tensor'
import type { Cursor } from './cursor.js'
import type { ParsedHeader, ParsedTensor } from './parse.js'

/** Checks the places of all tensors and returns the number of bytes after the last one and its padding. */
export function checkLayout(cursor: Cursor, { tensors, dataOffset, alignment }: ParsedHeader): number {
  // An empty tensor lies nowhere, so nothing is asked of its place.
  const stored = tensors.filter(({ byteLength }) => byteLength > 0)
  for (const tensor of stored) {
    const end = dataOffset + tensor.dataOffset + tensor.byteLength
    if (end > cursor.size) {
      const reason = `the data ends at byte ${end}, the file has ${cursor.size} bytes`
      throw failure(cursor, 'GGUF_TENSOR_OUT_OF_FILE', reason, tensor)
    }
  }
  // Sorting is stable: tensors of one offset are compared in file order.
  const placed = stored.sort((a, b) => a.dataOffset - b.dataOffset)
  let expected = 0
  let end = 0
  for (const [i, tensor] of placed.entries()) {
    const range = `${tensor.dataOffset}..${tensor.dataOffset + tensor.byteLength}`
    const before = placed[i - 1]
    if (tensor.dataOffset < expected) {
      const other = `${label(before!.name)} at ${before!.dataOffset}..${end}`
      throw failure(
        cursor,
        'GGUF_TENSOR_OVERLAP',
        `the data ${range} of ${label(tensor.name)} overlaps ${other}`,
        tensor,
      )
    }
    if (tensor.dataOffset > expected) {
      const after = before === undefined ? 'the first tensor' : `the data after ${label(before.name)}`
      const reason = `${after} must begin at ${expected}, ${label(tensor.name)} begins at ${tensor.dataOffset}`
      throw failure(cursor, 'GGUF_TENSOR_GAP', reason, tensor)
    }
    end = tensor.dataOffset + tensor.byteLength
    expected = Math.ceil(end / alignment) * alignment
  }
  const dataBytes = Math.max(cursor.size - dataOffset, 0)
  if (dataBytes >= expected) return dataBytes - expected
  return dataBytes - end
}

function failure(cursor: Cursor, code: string, reason: string, { name, infoOffset }: ParsedTensor): Error {
  return cursor.error(code, reason, infoOffset, label(name))
}
