// The limits of this package in one place. A template comes from a model file, so it is as hostile as the rest of it.

/** Longest template source, in UTF-16 units. */
export const MAX_TEMPLATE_SOURCE = 1024 * 1024

/** Longest run of white space in a template: the engine strips white space by a regex that is quadratic in it. */
export const MAX_TEMPLATE_SPACES = 512

/** Deepest nesting of brackets and blocks in a template. */
export const MAX_TEMPLATE_NESTING = 128

/** Deepest evaluation of nodes within nodes; a macro that calls itself takes several levels a call. */
export const MAX_EVALUATION_DEPTH = 400

/** Steps that one rendering may take. Evaluating a node is one; a loop iteration and a long string or list cost more. */
export const MAX_TEMPLATE_STEPS = 5_000_000

/** Longest string that a template may build, output included, in UTF-16 units. */
export const MAX_TEMPLATE_OUTPUT = 16 * 1024 * 1024

/** Deepest nesting of tool arguments, tool definitions and other data handed to a template. */
export const MAX_DATA_DEPTH = 64

/** Widest indentation that a template may ask of `tojson`. */
export const MAX_INDENT = 64

/** Most white space between two tags of a tool call; with more, they do not belong together. */
export const MAX_TAG_SPACE = 64

/** Longest name of a function or parameter in a tool call, in UTF-16 units. */
export const MAX_NAME = 256
