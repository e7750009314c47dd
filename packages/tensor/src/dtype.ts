// The stored data types: names as GGML and safetensors spell them, and how many bytes a block of elements takes.

/** Layout of one stored type: `blockElements` consecutive elements of a row share a block of `blockBytes` bytes. */
export interface DTypeLayout {
  readonly blockElements: number
  readonly blockBytes: number
}

const plain = (bytes: number): DTypeLayout => ({ blockElements: 1, blockBytes: bytes })
const blocks = (blockElements: number, blockBytes: number): DTypeLayout => ({ blockElements, blockBytes })

/**
 * Every type that a GGUF or safetensors file can store, with its layout.
 * Source of the block sizes: `GGML_QUANT_SIZES` of the official `gguf` Python package; `Dtype::bitsize` of the safetensors
 * crate. Its types below a byte are packed over the whole tensor, not row by row.
 */
export const dtypes = {
  F64: plain(8),
  F32: plain(4),
  F16: plain(2),
  BF16: plain(2),
  F8_E4M3: plain(1),
  F8_E5M2: plain(1),
  F8_E8M0: plain(1),
  F6_E2M3: blocks(4, 3),
  F6_E3M2: blocks(4, 3),
  F4: blocks(2, 1),
  C64: plain(8),
  I64: plain(8),
  I32: plain(4),
  I16: plain(2),
  I8: plain(1),
  U64: plain(8),
  U32: plain(4),
  U16: plain(2),
  U8: plain(1),
  BOOL: plain(1),
  Q4_0: blocks(32, 18),
  Q4_1: blocks(32, 20),
  Q5_0: blocks(32, 22),
  Q5_1: blocks(32, 24),
  Q8_0: blocks(32, 34),
  Q8_1: blocks(32, 36),
  Q2_K: blocks(256, 84),
  Q3_K: blocks(256, 110),
  Q4_K: blocks(256, 144),
  Q5_K: blocks(256, 176),
  Q6_K: blocks(256, 210),
  Q8_K: blocks(256, 292),
  IQ1_S: blocks(256, 50),
  IQ1_M: blocks(256, 56),
  IQ2_XXS: blocks(256, 66),
  IQ2_XS: blocks(256, 74),
  IQ2_S: blocks(256, 82),
  IQ3_XXS: blocks(256, 98),
  IQ3_S: blocks(256, 110),
  IQ4_NL: blocks(32, 18),
  IQ4_XS: blocks(256, 136),
  TQ1_0: blocks(256, 54),
  TQ2_0: blocks(256, 66),
  MXFP4: blocks(32, 17),
  NVFP4: blocks(64, 36),
  Q1_0: blocks(128, 18),
  Q2_0: blocks(64, 18),
} as const satisfies Record<string, DTypeLayout>

/** Name of a stored type, e.g. `'F32'` or `'Q4_K'`. */
export type DType = keyof typeof dtypes
