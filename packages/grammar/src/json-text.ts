// JSON as text: strings, white space, and values of any kind.

import {
  ALL,
  type CodePoints,
  charactersOf,
  complement,
  intersection,
  type Range,
  union,
  utf8Sequences,
} from './code-points.js'
import { type Dfa, lengths } from './dfa.js'
import type { GrammarBuilder, Node, Rule } from './grammar.js'
import { anyNumber } from './numbers.js'

/** White space between the parts of a JSON text. */
export type WhiteSpace = 'some' | 'none'

/** Characters that a JSON string must not hold as they are. */
const ESCAPED = complement(intersection([[0x20, 0x10ffff]], complement(charactersOf('"\\'))))
const SHORT: readonly (readonly [character: string, letter: string])[] = [
  ...([
    ['"', '"'],
    ['\\', '\\'],
    ['/', '/'],
    ['\b', 'b'],
    ['\f', 'f'],
    ['\n', 'n'],
    ['\r', 'r'],
    ['\t', 't'],
  ] as const),
]
const BACKSLASH = 0x5c
/** Most spaces at the beginning of a line. */
const MAX_INDENT = 24

const byte = (character: string): Range => [character.charCodeAt(0), character.charCodeAt(0)]
const bytes = (text: string): Range[][] => Array.from(text, (character) => [byte(character)])

/** Hexadecimal digits from `from` to `to`, in either case. */
function hex(from: number, to: number): Range[] {
  const ranges: Range[] = []
  if (from <= 9) ranges.push([0x30 + from, 0x30 + Math.min(to, 9)])
  if (to >= 10) for (const a of [0x41, 0x61]) ranges.push([a + Math.max(from, 10) - 10, a + to - 10])
  return ranges
}

const ANY_HEX = hex(0, 15)
/** Behind `\u`, every character: a pair of surrogates for those that need one, and no surrogate alone. */
const UNICODE_DIGITS: readonly (readonly (readonly Range[])[])[] = [
  [[...hex(0, 12), ...hex(14, 15)], ANY_HEX, ANY_HEX, ANY_HEX],
  [hex(13, 13), hex(0, 7), ANY_HEX, ANY_HEX],
  [...[hex(13, 13), hex(8, 11), ANY_HEX, ANY_HEX, ...bytes('\\u')], ...[hex(13, 13), hex(12, 15), ANY_HEX, ANY_HEX]],
]

/** Writes the rules of JSON texts. */
export class JsonText {
  readonly #raw: CodePoints
  #any: Rule | undefined
  #space: Rule | undefined

  constructor(
    readonly builder: GrammarBuilder,
    readonly whiteSpace: WhiteSpace,
    /** Characters that are only written as escapes, because they mean something to whoever reads the text around the JSON. */
    private readonly avoid = '',
  ) {
    this.#raw = complement(union([...ESCAPED, ...charactersOf(avoid)]))
  }

  /** The text of a value. */
  quoted(value: unknown): string {
    const text = JSON.stringify(value)
    // Such characters stand in strings only.
    return Array.from(text, (character) =>
      this.avoid.includes(character) ? `\\u${codeOf(character)}` : character,
    ).join('')
  }

  /**
   * A string whose value an automaton allows. Every value can be written; of the ways to do so, escapes by number are used where all
   * characters are allowed or no other way is left.
   *
   * @param name tells automata apart
   */
  string(name: string, dfa: Dfa): Rule {
    const { builder } = this
    return builder.named(`json string ${name}`, (from, to) => {
      const text = builder.automaton(`json ${name}`, dfa, { closing: '"', spell: (set) => this.#character(set) })
      builder.call(builder.texts(from, ['"']), text, to)
    })
  }

  #character(set: CodePoints): Rule {
    const { builder } = this
    return builder.character(`json ${set.join(';')}`, (from, to) => {
      builder.sequences(from, to, utf8Sequences(intersection(set, this.#raw)))
      const escaped = builder.node(true)
      from.bytes.push({ from: BACKSLASH, to: BACKSLASH, target: escaped })
      const letters = SHORT.filter(([character]) => has(set, character)).map(([, letter]) => byte(letter))
      builder.steps(escaped, to, [letters])
      const digits = builder.node(true)
      builder.steps(escaped, digits, bytes('u'))
      if (isAll(set)) for (const ranges of UNICODE_DIGITS) builder.steps(digits, to, ranges)
      else for (const text of this.#codes(set)) builder.steps(digits, to, bytes(text))
    })
  }

  /** Digits of the characters of a set that are neither written as they are nor have a short escape. */
  #codes(set: CodePoints): string[] {
    const controls = Array.from({ length: 0x20 }, (_, point) => String.fromCharCode(point))
    return [...controls, ...this.avoid]
      .filter((character) => has(set, character) && !SHORT.some(([short]) => short === character))
      .map(codeOf)
  }

  /** White space where it may be, or nothing: a space, or a line break and the spaces of a line's beginning. */
  space(from: Node): Node {
    if (this.whiteSpace === 'none') return from
    const { builder } = this
    if (this.#space === undefined) {
      this.#space = builder.rule()
      const end = builder.node()
      end.final = true
      this.#space.start.skips.push(end)
      builder.texts(
        this.#space.start,
        [' ', ...Array.from({ length: MAX_INDENT + 1 }, (_, n) => `\n${' '.repeat(n)}`)],
        end,
      )
    }
    return builder.call(from, this.#space)
  }

  /** `open`, then as many members as wanted between commas, then `close`. */
  list(from: Node, to: Node, [open, close]: readonly [string, string], member: (from: Node, to: Node) => void): void {
    const { builder } = this
    const begun = builder.texts(from, [open])
    builder.texts(begun, [close], to)
    const next = builder.node()
    this.space(begun).skips.push(next)
    const behind = builder.node()
    member(next, behind)
    this.space(builder.texts(behind, [','])).skips.push(next)
    builder.texts(this.space(behind), [close], to)
  }

  /** Any string. */
  anyString(): Rule {
    return this.string('any', lengths(0, Infinity))
  }

  /** Any value. */
  any(): Rule {
    if (this.#any !== undefined) return this.#any
    const { builder } = this
    const rule = builder.rule()
    this.#any = rule
    const end = builder.node()
    end.final = true
    builder.texts(rule.start, ['true', 'false', 'null'], end)
    builder.call(rule.start, builder.automaton('any number', anyNumber()), end)
    builder.call(rule.start, this.anyString(), end)
    this.list(rule.start, end, ['[', ']'], (from, to) => builder.call(from, rule, to))
    this.list(rule.start, end, ['{', '}'], (from, to) => {
      const colon = builder.texts(builder.call(from, this.anyString()), [':'])
      builder.call(this.space(colon), rule, to)
    })
    return rule
  }
}

const codeOf = (character: string) => character.charCodeAt(0).toString(16).padStart(4, '0')

function has(set: CodePoints, character: string): boolean {
  const point = character.charCodeAt(0)
  return set.some(([from, to]) => from <= point && point <= to)
}

function isAll(set: CodePoints): boolean {
  return set.length === ALL.length && set.every(([from, to], i) => from === ALL[i]![0] && to === ALL[i]![1])
}
