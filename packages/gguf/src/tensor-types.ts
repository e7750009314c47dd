// The numbers by which a GGUF file names stored types. Source: `GGMLQuantizationType` of the official `gguf` package
// (0.19) and the removals noted in ggml.h.

import type { DType } from '@fak/tensor'

const typeIds = {
  F32: 0,
  F16: 1,
  Q4_0: 2,
  Q4_1: 3,
  Q5_0: 6,
  Q5_1: 7,
  Q8_0: 8,
  Q8_1: 9,
  Q2_K: 10,
  Q3_K: 11,
  Q4_K: 12,
  Q5_K: 13,
  Q6_K: 14,
  Q8_K: 15,
  IQ2_XXS: 16,
  IQ2_XS: 17,
  IQ3_XXS: 18,
  IQ1_S: 19,
  IQ4_NL: 20,
  IQ3_S: 21,
  IQ2_S: 22,
  IQ4_XS: 23,
  I8: 24,
  I16: 25,
  I32: 26,
  I64: 27,
  F64: 28,
  IQ1_M: 29,
  BF16: 30,
  TQ1_0: 34,
  TQ2_0: 35,
  MXFP4: 39,
  NVFP4: 40,
  Q1_0: 41,
  Q2_0: 42,
} as const satisfies Partial<Record<DType, number>>

const types = new Map<number, DType>(Object.entries(typeIds).map(([name, id]) => [id, name as DType]))

/** Numbers that once were types: Q4_2, Q4_3, the Q4_0_n_m and IQ4_NL_n_m repackings. Their data cannot be read any more. */
const removedIds: ReadonlySet<number> = new Set([4, 5, 31, 32, 33, 36, 37, 38])

/** The stored type with this number; `'removed'` for one that the format dropped, `undefined` for one it never had. */
export function tensorTypeOf(id: number): DType | 'removed' | undefined {
  return removedIds.has(id) ? 'removed' : types.get(id)
}

/** Number of a stored type in a GGUF file, or `undefined` for types that GGUF cannot store (e.g. `F8_E4M3`). */
export function tensorTypeId(dtype: DType): number | undefined {
  return Object.hasOwn(typeIds, dtype) ? typeIds[dtype as keyof typeof typeIds] : undefined
}
