// Every limit of the reader, in one place. A file beyond one of them is refused, not cut.

/** Bytes of the JSON header; the safetensors crate has the same limit. */
export const MAX_HEADER_BYTES = 100_000_000
/** Bytes of a `model.safetensors.index.json`. */
export const MAX_INDEX_BYTES = 64 * 1024 * 1024
/** Dimensions of a tensor: what PyTorch and NumPy can make. */
export const MAX_DIMENSIONS = 64
/** Nesting of arrays and objects in any JSON that is read here. */
export const MAX_JSON_DEPTH = 64
