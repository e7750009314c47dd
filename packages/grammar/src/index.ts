// @fak/grammar: what a model may say. JSON schemas, choices and regular expressions as masks over the tokens of a vocabulary.

export type { Grammar } from './grammar.js'
export { choiceGrammar, type JsonOptions, type JsonSchema, jsonSchemaGrammar, regexGrammar } from './grammars.js'
export type { WhiteSpace } from './json-text.js'
export { GrammarMatcher, TokenGrammar } from './matcher.js'
export { type CallableTool, toolCallGrammar } from './tool-calls.js'
export { type TokenSource, TokenTable } from './vocabulary.js'
