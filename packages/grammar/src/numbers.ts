// Numbers as JSON writes them, in ranges: automata over their decimal digits. How many digits there may be is bounded, so that a number
// reads back exactly as a double and a model cannot write digits without end.

import type { CodePoints } from './code-points.js'
import { charactersOf } from './code-points.js'
import { both, type Dfa, explore } from './dfa.js'
import { wholeMatches } from './regex.js'

/** Most digits of a number that is held to a range: every such decimal is a double of its own. */
export const EXACT_DIGITS = 15

/** Any number. Its exponent stays where doubles are finite. */
export const anyNumber: () => Dfa = once(() => wholeMatches('-?(0|[1-9]\\d{0,15})(\\.\\d{1,16})?([eE][+-]?\\d{1,2})?'))

/** Any integer that a double holds exactly. */
export const anyInteger: () => Dfa = once(() => wholeMatches(`-?(0|[1-9]\\d{0,${EXACT_DIGITS - 1}})`))

const plainNumber: () => Dfa = once(() => both(wholeMatches('-?(0|[1-9]\\d*)(\\.\\d+)?'), atMostDigits(EXACT_DIGITS)))

/** A bound, as JSON schema has it. */
export interface Bound {
  readonly value: number
  readonly exclusive: boolean
}

/** Numbers between bounds, written without an exponent. */
export function numbersBetween(min: Bound | null, max: Bound | null): Dfa {
  return between(plainNumber(), min, max)
}

/** Integers between bounds. */
export function integersBetween(min: Bound | null, max: Bound | null): Dfa {
  return between(anyInteger(), min, max)
}

/** Integers that `divisor` divides, a positive integer. */
export function multiplesOf(divisor: number): Dfa {
  return both(
    anyInteger(),
    explore<number>(-1, String, (remainder): { accepts: boolean; edges: [CodePoints, number][] } => ({
      accepts: remainder === 0,
      edges: [
        ...(remainder === -1 ? [[charactersOf('-'), -1] as [CodePoints, number]] : []),
        ...DIGITS.map((digit, i): [CodePoints, number] => [digit, (Math.max(remainder, 0) * 10 + i) % divisor]),
      ],
    })),
  )
}

/** Whether a bound can be compared digit by digit. */
export function comparable(value: number): boolean {
  const text = decimal(Math.abs(value))
  return text !== null && text.whole.length + text.fraction.length <= EXACT_DIGITS
}

const DIGITS = Array.from('0123456789', charactersOf)

function between(numbers: Dfa, min: Bound | null, max: Bound | null): Dfa {
  let held = numbers
  if (min !== null) held = both(held, signed(min.value, 'above', min.exclusive))
  if (max !== null) held = both(held, signed(max.value, 'below', max.exclusive))
  return held
}

/** What a number is beside the bound: not known yet which side, or certain. */
type Side = 'less' | 'same' | 'more'

/** Texts of numbers above or below a bound. Only for what {@link both} holds to the form of numbers. */
function signed(bound: number, wanted: 'above' | 'below', exclusive: boolean): Dfa {
  const fits = (side: Side, negative: boolean) => {
    // Sides are those of magnitudes; of negative numbers the larger magnitude is the smaller number.
    const order = side === 'same' ? 0 : (side === 'more') === negative ? -1 : 1
    return order === 0 ? !exclusive : order > 0 === (wanted === 'above')
  }
  const magnitude = decimal(Math.abs(bound))!
  interface State {
    readonly negative: boolean
    readonly at: 'sign' | 'whole' | 'point' | 'fraction'
    /** Digits read of this part. */
    readonly count: number
    readonly side: Side
    readonly zero: boolean
  }
  const accepts = ({ negative, at, count, side, zero }: State): boolean => {
    if (at === 'sign' || at === 'point') return false
    if (zero || negative !== bound < 0) {
      const order = zero ? Math.sign(-bound) : negative ? -1 : 1
      return order === 0 ? !exclusive : order > 0 === (wanted === 'above')
    }
    let final = side
    if (at === 'whole') {
      if (count !== magnitude.whole.length) final = count > magnitude.whole.length ? 'more' : 'less'
      else if (side === 'same' && magnitude.fraction !== '') final = 'less'
    } else if (side === 'same' && count < magnitude.fraction.length) final = 'less'
    return fits(final, negative)
  }
  const compare = (side: Side, digit: number, against: string | undefined): Side => {
    if (side !== 'same') return side
    const other = Number(against ?? '0')
    return digit < other ? 'less' : digit > other ? 'more' : 'same'
  }
  return explore<State>(
    { negative: false, at: 'sign', count: 0, side: 'same', zero: true },
    (state) => Object.values(state).join(),
    (state) => {
      const { negative, at, count, side, zero } = state
      const edges: [CodePoints, State][] = []
      if (at === 'sign' && !negative) edges.push([charactersOf('-'), { ...state, negative: true }])
      if (at === 'whole') {
        const longer = count > magnitude.whole.length
        const known: Side = count === magnitude.whole.length ? side : longer ? 'more' : 'less'
        edges.push([charactersOf('.'), { ...state, at: 'point', count: 0, side: known }])
      }
      for (const [digit, set] of DIGITS.entries()) {
        const still = zero && digit === 0
        if (at === 'sign' || at === 'whole') {
          // More digits than any bound has need not be counted.
          const next = Math.min(count + 1, magnitude.whole.length + 1)
          edges.push([
            set,
            { negative, at: 'whole', count: next, side: compare(side, digit, magnitude.whole[count]), zero: still },
          ])
        } else {
          const next = Math.min(count + 1, magnitude.fraction.length)
          edges.push([
            set,
            {
              negative,
              at: 'fraction',
              count: next,
              side: compare(side, digit, magnitude.fraction[count]),
              zero: still,
            },
          ])
        }
      }
      return { accepts: accepts(state), edges }
    },
  )
}

/** Texts with at most so many digits. */
function atMostDigits(most: number): Dfa {
  return explore<number>(0, String, (count) => ({
    accepts: true,
    edges: [[charactersOf('-.'), count] as const, ...(count < most ? [[[[0x30, 0x39]], count + 1] as const] : [])],
  }))
}

/** The digits of a number that is not negative; `null` where they would need an exponent. */
function decimal(value: number): { whole: string; fraction: string } | null {
  const [, whole, fraction = ''] = /^(\d+)(?:\.(\d+))?$/.exec(String(value)) ?? []
  return whole === undefined ? null : { whole, fraction }
}

function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => {
    made ??= make()
    return made
  }
}
