// Regular expressions as JavaScript spells them with the flag `u`, as far as they are regular: no look-around, no references.

import { FakError, quote } from '@fak/tensor'
import { type CodePoints, charactersOf, charactersWhere, complement, type Range, union } from './code-points.js'
import { MAX_DEPTH, MAX_PATTERN } from './limits.js'

/** A parsed pattern. `start` and `end` are the anchors `^` and `$`. */
export type Pattern =
  | { readonly kind: 'characters'; readonly set: CodePoints }
  | { readonly kind: 'sequence' | 'either'; readonly parts: readonly Pattern[] }
  | { readonly kind: 'repeat'; readonly part: Pattern; readonly min: number; readonly max: number }
  | { readonly kind: 'start' | 'end' }

const DIGITS: CodePoints = [[0x30, 0x39]]
const WORD: CodePoints = union([...DIGITS, [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]])
/** `\s` of ECMAScript: WhiteSpace and LineTerminator. */
const SPACE: CodePoints = union([
  ...([
    [9, 13],
    [0x20, 0x20],
    [0xa0, 0xa0],
    [0x1680, 0x1680],
    [0x2000, 0x200a],
  ] as const),
  ...([
    [0x2028, 0x2029],
    [0x202f, 0x202f],
    [0x205f, 0x205f],
    [0x3000, 0x3000],
    [0xfeff, 0xfeff],
  ] as const),
])
const LINE_BREAKS: CodePoints = charactersOf('\n\r\u2028\u2029')
const SHORTHANDS: Readonly<Record<string, CodePoints>> = {
  ...{ d: DIGITS, w: WORD, s: SPACE, D: complement(DIGITS), W: complement(WORD), S: complement(SPACE) },
}
const CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, 0: 0 }
const properties = new Map<string, CodePoints>()

/**
 * Parses a pattern.
 *
 * @param dotAll `.` stands for line breaks too
 * @throws FakError `GRAMMAR_BAD_REGEX` with the byte where it is not well-formed; `GRAMMAR_UNSUPPORTED` for what is not regular
 */
export function parsePattern(source: string, { dotAll = false } = {}): Pattern {
  if (source.length > MAX_PATTERN) {
    throw new FakError('GRAMMAR_TOO_LARGE', { reason: `the pattern has more than ${MAX_PATTERN} characters` })
  }
  return new Parser(source, dotAll).whole()
}

class Parser {
  private at = 0
  private depth = 0

  constructor(
    private readonly source: string,
    private readonly dotAll: boolean,
  ) {}

  whole(): Pattern {
    const pattern = this.alternatives()
    if (this.at < this.source.length) this.bad('this ")" closes no group')
    return pattern
  }

  private alternatives(): Pattern {
    const parts = [this.sequence()]
    while (this.take('|')) parts.push(this.sequence())
    return parts.length === 1 ? parts[0]! : { kind: 'either', parts }
  }

  private sequence(): Pattern {
    const parts: Pattern[] = []
    while (this.at < this.source.length && this.peek() !== '|' && this.peek() !== ')') {
      const from = this.at
      const term = this.term()
      parts.push(this.quantified(term, from))
    }
    return parts.length === 1 ? parts[0]! : { kind: 'sequence', parts }
  }

  private quantified(part: Pattern, from: number): Pattern {
    const begin = this.at
    const bounds = this.quantifier()
    if (bounds === null) return part
    if (this.source[from] === '^' || this.source[from] === '$') this.bad('an anchor cannot be repeated', begin)
    // Greedy or not, the same texts match.
    this.take('?')
    const again = this.at
    if (this.quantifier() !== null) this.bad('there is nothing to repeat', again)
    const [min, max] = bounds
    if (min > max) this.bad(`the bounds {${min},${max}} are out of order`, begin)
    if (max !== Infinity && max > 100_000) this.bad('a repetition of more than 100,000 times', from)
    return { kind: 'repeat', part, min, max }
  }

  private quantifier(): readonly [number, number] | null {
    if (this.take('*')) return [0, Infinity]
    if (this.take('+')) return [1, Infinity]
    if (this.take('?')) return [0, 1]
    const counted = /^\{(\d{1,9})(?:(,)(\d{1,9})?)?\}/.exec(this.source.slice(this.at, this.at + 24))
    if (counted === null) return null
    this.at += counted[0].length
    const min = Number(counted[1])
    return [min, counted[2] === undefined ? min : counted[3] === undefined ? Infinity : Number(counted[3])]
  }

  private term(): Pattern {
    const from = this.at
    const character = this.next()
    switch (character) {
      case '^':
        return { kind: 'start' }
      case '$':
        return { kind: 'end' }
      case '.':
        return { kind: 'characters', set: this.dotAll ? complement([]) : complement(LINE_BREAKS) }
      case '(':
        return this.group(from)
      case '[':
        return { kind: 'characters', set: this.classSet(from) }
      case '\\':
        return { kind: 'characters', set: this.escape(false) }
      case '*':
      case '+':
      case '?':
        return this.bad('there is nothing to repeat', from)
      case '{':
      case '}':
      case ']':
        return this.bad(`a literal ${character} is written \\${character}`, from)
      default:
        return { kind: 'characters', set: charactersOf(character) }
    }
  }

  private group(from: number): Pattern {
    if (this.take('?')) {
      const name = /^<([\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*)>/u.exec(this.source.slice(this.at))
      if (name !== null) this.at += name[0].length
      else if (/^(=|!|<=|<!)/.test(this.source.slice(this.at))) this.unsupported('look-around', from)
      else if (!this.take(':')) this.bad('"(?" is followed by neither ":" nor a name', from)
    }
    if (++this.depth > MAX_DEPTH) this.bad(`groups are nested deeper than ${MAX_DEPTH}`, from)
    const inner = this.alternatives()
    this.depth--
    if (!this.take(')')) this.bad('this group is not closed', from)
    return inner
  }

  private classSet(from: number): CodePoints {
    const negated = this.take('^')
    const ranges: Range[] = []
    for (;;) {
      if (this.at >= this.source.length) this.bad('this class is not closed', from)
      if (this.take(']')) break
      const begin = this.at
      const low = this.classAtom()
      const dash = this.peek() === '-' && this.source[this.at + 1] !== ']' && this.at + 1 < this.source.length
      if (!dash) {
        ranges.push(...low)
        continue
      }
      this.at++
      const high = this.classAtom()
      if (low.length !== 1 || high.length !== 1 || low[0]![0] !== low[0]![1] || high[0]![0] !== high[0]![1]) {
        this.bad('a range goes from one character to one character', begin)
      }
      if (low[0]![0] > high[0]![0]) this.bad('the range is out of order', begin)
      ranges.push([low[0]![0], high[0]![0]])
    }
    const set = union(ranges)
    return negated ? complement(set) : set
  }

  private classAtom(): CodePoints {
    const character = this.next()
    return character === '\\' ? this.escape(true) : charactersOf(character)
  }

  /** What stands after a backslash. */
  private escape(inClass: boolean): CodePoints {
    const from = this.at - 1
    if (this.at >= this.source.length) this.bad('a backslash ends the pattern', from)
    const character = this.next()
    const shorthand = SHORTHANDS[character]
    if (shorthand !== undefined) return shorthand
    if (character === 'b' && inClass) return [[8, 8]]
    if (character === 'b' || character === 'B') this.unsupported('a word boundary', from)
    if (character === '0' && /^\d/.test(this.peek())) this.bad('an octal escape', from)
    const control = CONTROLS[character]
    if (control !== undefined) return [[control, control]]
    if (/[1-9k]/.test(character)) this.unsupported('a reference to a group', from)
    if (character === 'p' || character === 'P') return this.property(character, from)
    if (character === 'c') {
      const letter = this.next()
      if (!/^[A-Za-z]$/.test(letter)) this.bad('"\\c" is followed by a letter', from)
      const code = letter.charCodeAt(0) & 31
      return [[code, code]]
    }
    if (character === 'x') return this.hex(/^[0-9a-fA-F]{2}/, from)
    if (character === 'u')
      return this.hex(
        /^(?:\{([0-9a-fA-F]{1,6})\}|([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|[0-9a-fA-F]{4})/,
        from,
      )
    if (/^[A-Za-z0-9]$/.test(character)) this.bad(`there is no escape \\${character}`, from)
    return charactersOf(character)
  }

  private hex(digits: RegExp, from: number): CodePoints {
    const found = digits.exec(this.source.slice(this.at, this.at + 12))
    if (found === null) this.bad('an escape without its hexadecimal digits', from)
    this.at += found[0].length
    const [all, braced, high, low] = found
    const point =
      high !== undefined && low !== undefined
        ? 0x10000 + ((Number.parseInt(high, 16) - 0xd800) << 10) + Number.parseInt(low, 16) - 0xdc00
        : Number.parseInt(braced ?? all, 16)
    if (point > 0x10ffff) this.bad('there is no such code point', from)
    if (point >= 0xd800 && point <= 0xdfff) this.bad('a lone surrogate is no character', from)
    return [[point, point]]
  }

  /** `\p{…}`: the characters for which this JavaScript's own Unicode tables say so. */
  private property(letter: string, from: number): CodePoints {
    const named = /^\{[\w=]{1,60}\}/.exec(this.source.slice(this.at, this.at + 64))
    if (named === null) this.bad('a property without its name in braces', from)
    this.at += named[0].length
    const spelled = `\\${letter}${named[0]}`
    let set = properties.get(spelled)
    if (set === undefined) {
      let test: RegExp
      try {
        test = new RegExp(spelled, 'u')
      } catch {
        return this.bad(`there is no property ${spelled}`, from)
      }
      set = charactersWhere((character) => test.test(character))
      properties.set(spelled, set)
    }
    return set
  }

  private peek(): string {
    return this.source[this.at] ?? ''
  }

  private next(): string {
    if (this.at >= this.source.length) this.bad('the pattern ends too early')
    const point = this.source.codePointAt(this.at)!
    if (point >= 0xd800 && point <= 0xdfff) this.bad('a lone surrogate is no character')
    const character = String.fromCodePoint(point)
    this.at += character.length
    return character
  }

  private take(character: string): boolean {
    if (this.peek() !== character) return false
    this.at++
    return true
  }

  private bad(reason: string, at = this.at): never {
    throw new FakError('GRAMMAR_BAD_REGEX', this.where(reason, at))
  }

  private unsupported(what: string, at: number): never {
    throw new FakError('GRAMMAR_UNSUPPORTED', this.where(`${what} is not supported`, at))
  }

  private where(reason: string, at: number) {
    const offset = new TextEncoder().encode(this.source.slice(0, at)).length
    return { reason: `pattern ${quote(this.source)}: ${reason}`, field: 'regex', offset }
  }
}
