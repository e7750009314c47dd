// Parses templates: the checks the engine's parser lacks, and where in the source it stopped.

import { FakError, quote } from '@fak/tensor'
import { type Node, parse, type Token, tokenize } from './engine.js'
import { MAX_TEMPLATE_NESTING, MAX_TEMPLATE_SOURCE, MAX_TEMPLATE_SPACES } from './limits.js'

// As HF transformers sets up Jinja for chat templates.
const BLOCKS = { lstrip_blocks: true, trim_blocks: true }

const OPENERS = new Set(['OpenParen', 'OpenSquareBracket', 'OpenCurlyBracket'])
const CLOSERS = new Set(['CloseParen', 'CloseSquareBracket', 'CloseCurlyBracket'])
const BLOCK_OPENERS = new Set(['if', 'for', 'macro', 'call', 'filter'])

/**
 * Parses a template.
 *
 * @throws FakError `TEMPLATE_TOO_LARGE`, `TEMPLATE_TOO_DEEP`, `TEMPLATE_SYNTAX` with line and column,
 *   `TEMPLATE_UNSUPPORTED` for a statement that the engine does not have.
 */
export function parseTemplate(source: string, file: string | null): Node {
  const fail = (code: string, reason: string, at: number | null = null, cause?: unknown): never => {
    const offset = at === null ? null : new TextEncoder().encode(source.slice(0, at)).length
    throw new FakError(code, {
      file,
      reason: at === null ? reason : `${lineAndColumn(source, at)}: ${reason}`,
      offset,
      cause,
    })
  }
  if (source.length > MAX_TEMPLATE_SOURCE) {
    fail(
      'TEMPLATE_TOO_LARGE',
      `the template has ${source.length} UTF-16 units, at most ${MAX_TEMPLATE_SOURCE} are read`,
    )
  }
  const spaces = longSpaces(source)
  if (spaces >= 0)
    fail('TEMPLATE_TOO_LARGE', `more than ${MAX_TEMPLATE_SPACES} white-space characters in a row`, spaces)

  let tokens: Token[]
  try {
    tokens = tokenize(source, BLOCKS)
  } catch (error) {
    const { message } = error as Error
    return fail('TEMPLATE_SYNTAX', message, lexicalErrorAt(source, message), error)
  }
  const deep = tooDeepAt(tokens)
  if (deep >= 0) {
    fail('TEMPLATE_TOO_DEEP', `nesting is deeper than ${MAX_TEMPLATE_NESTING}`, tokenPosition(source, tokens, deep))
  }
  try {
    return parse(tokens)
  } catch (error) {
    const { message } = error as Error
    const at = tokenPosition(source, tokens, lastTokenRead(tokens))
    if (error instanceof RangeError) return fail('TEMPLATE_TOO_DEEP', 'expressions are nested too deeply', at, error)
    const unknown = /^Unknown statement type: (.*)$/s.exec(message)
    if (unknown && !/^(?:end|el)/.test(unknown[1]!)) {
      return fail('TEMPLATE_UNSUPPORTED', `statement ${quote(unknown[1]!)} is not supported`, at, error)
    }
    // Reading past the end is the engine's way to notice that something is not closed.
    const reason = error instanceof TypeError ? 'the template ends inside a block or expression' : message
    return fail('TEMPLATE_SYNTAX', reason, at, error)
  }
}

/** Index of the last token that the parser asks for before it fails. It keeps its place to itself, so it parses once more. */
function lastTokenRead(tokens: readonly Token[]): number {
  let last = 0
  const watched = new Proxy(tokens, {
    get(target, property) {
      const index = typeof property === 'string' ? Number(property) : Number.NaN
      if (index > last) last = Math.min(index, target.length - 1)
      return Reflect.get(target, property)
    },
  })
  try {
    parse(watched)
  } catch {
    // The first parse has reported it.
  }
  return last
}

function longSpaces(source: string): number {
  let run = 0
  for (let i = 0; i < source.length; i++) {
    run = /\s/.test(source[i]!) ? run + 1 : 0
    if (run > MAX_TEMPLATE_SPACES) return i
  }
  return -1
}

/** Index of the first token that is nested too deeply, or -1. Unary operators and `elif` nest in the parser as brackets do. */
function tooDeepAt(tokens: readonly Token[]): number {
  let brackets = 0
  let blocks = 0
  let chain = 0
  const elifs: number[] = []
  for (const [i, { type, value }] of tokens.entries()) {
    if (OPENERS.has(type)) brackets++
    else if (CLOSERS.has(type)) brackets--
    else if (type === 'OpenStatement') {
      const name = tokens[i + 1]?.value ?? ''
      if (BLOCK_OPENERS.has(name)) {
        blocks++
        elifs.push(0)
      } else if (name === 'elif') {
        blocks++
        if (elifs.length > 0) elifs[elifs.length - 1]!++
      } else if (name.startsWith('end') && name !== 'endset') {
        blocks -= 1 + (elifs.pop() ?? 0)
      }
    }
    const chained =
      type === 'UnaryOperator' || type === 'ExponentiationBinaryOperator' || value === 'not' || value === 'else'
    if (type === 'OpenStatement' || type === 'OpenExpression') chain = 0
    else if (chained) chain++
    if (brackets + blocks + chain > MAX_TEMPLATE_NESTING) return i
  }
  return -1
}

/** Where a token stands in the source: the tokens before it are looked for one after the other. */
function tokenPosition(source: string, tokens: readonly Token[], index: number): number {
  let at = 0
  let start = 0
  for (let i = 0; i <= index && i < tokens.length; i++) {
    const { type, value } = tokens[i]!
    // White space around text and escapes in strings are not kept: the token after them is found all the same.
    const literal = type === 'Text' || type === 'Comment' ? value.trim() : value
    const found = source.indexOf(literal, at)
    if (found < 0) continue
    start = found
    at = found + literal.length
  }
  return start
}

/** The shortest beginning of the source that gives the same lexical error ends where the error is. */
function lexicalErrorAt(source: string, message: string): number {
  const failsAlike = (length: number): boolean => {
    try {
      tokenize(source.slice(0, length), BLOCKS)
      return false
    } catch (error) {
      return (error as Error).message === message
    }
  }
  let [low, high] = [0, source.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (failsAlike(middle)) high = middle
    else low = middle + 1
  }
  return Math.max(0, low - 1)
}

function lineAndColumn(source: string, at: number): string {
  const before = source.slice(0, at).split('\n')
  return `line ${before.length}, column ${before[before.length - 1]!.length + 1}`
}
