// Limits on what a caller may ask for: a schema can come with a request.

/** Most states of one automaton: a text of at most so many characters, say. */
export const MAX_STATES = 20_000
/** Deepest nesting of groups in a pattern, and longest chain of references. */
export const MAX_DEPTH = 200
/** Deepest nesting of objects and lists in a schema. */
export const MAX_SCHEMA_DEPTH = 500
/** Most alternatives that one schema may come to when `anyOf` and `allOf` are multiplied out. */
export const MAX_ALTERNATIVES = 1000
/** Longest pattern, in UTF-16 units. */
export const MAX_PATTERN = 10_000
/** Most positions that a pattern may come to when its repetitions are written out. */
export const MAX_POSITIONS = 50_000
/** Most nodes of one grammar. */
export const MAX_NODES = 2_000_000
