// The limits of this package in one place. Each keeps the cost of refusing a hostile file bounded.

/** Longest tokenizer.json or tokenizer_config.json that is read, in bytes. */
export const MAX_TOKENIZER_BYTES = 256 * 1024 * 1024

/** Deepest nesting of objects and arrays in a JSON input. */
export const MAX_JSON_DEPTH = 64

/** Token ids are below this: eight times the vocabulary of Qwen3.5. */
export const MAX_TOKENS = 2_097_152

/** Most merges a vocabulary may list. */
export const MAX_MERGES = 1_048_576

/** Most UTF-16 units that the contents of all added tokens may have together; the search for them takes about 40 bytes each. */
export const MAX_ADDED_UNITS = 4_194_304
