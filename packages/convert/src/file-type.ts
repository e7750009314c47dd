// What a whole file can be converted to, and what llama.cpp calls it. Source of the numbers: `enum llama_ftype` of llama.h, v0.5.0.

import type { DType } from '@fak/tensor'

/** Types of whole files. The `_M` ones are mixtures of several types; see {@link chooseTypes}. */
export const fileTypes = {
  F32: { id: 0, dtype: 'F32' },
  F16: { id: 1, dtype: 'F16' },
  BF16: { id: 32, dtype: 'BF16' },
  Q8_0: { id: 7, dtype: 'Q8_0' },
  Q6_K: { id: 18, dtype: 'Q6_K' },
  Q5_K_M: { id: 17, dtype: 'Q5_K' },
  Q4_K_M: { id: 15, dtype: 'Q4_K' },
} as const satisfies Record<string, { readonly id: number; readonly dtype: DType }>

/** Name of a type of whole files, e.g. `'Q4_K_M'`. */
export type FileType = keyof typeof fileTypes
