import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { StopStrings } from '../src/stop-strings.js'

/** Feeds pieces; returns the text that came out and what matched. */
function run(strings: string[], pieces: string[]) {
  const stop = new StopStrings(strings)
  let text = ''
  for (const piece of pieces) {
    const shown = stop.push(piece)
    text += shown.text
    if (shown.matched !== null) return { text, matched: shown.matched }
  }
  return { text: text + stop.flush(), matched: null }
}

describe('StopStrings', () => {
  it('finds a string that straddles pieces and shows only what is before it', () => {
    expect(run(['\nUser:'], ['Hello', '\n', 'Us', 'er', ': more'])).toEqual({ text: 'Hello', matched: '\nUser:' })
  })

  it('holds back only what may still become a stop string', () => {
    const stop = new StopStrings(['END'])
    expect(stop.push('the E')).toEqual({ text: 'the ', matched: null })
    expect(stop.push('N')).toEqual({ text: '', matched: null })
    expect(stop.push('Emy')).toEqual({ text: 'ENEmy', matched: null })
    expect(stop.push('EEN')).toEqual({ text: 'E', matched: null })
    expect(stop.flush()).toBe('EN')
  })

  it('takes the match that completes first, and the longest of those that complete together', () => {
    expect(run(['abcd', 'bc'], ['xabcd'])).toEqual({ text: 'xa', matched: 'bc' })
    expect(run(['bc', 'abc'], ['xabc'])).toEqual({ text: 'x', matched: 'abc' })
  })

  it('does not depend on how the text was cut', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 40 })
    const strings = fc.array(fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 6 }), {
      maxLength: 4,
    })
    fc.assert(
      fc.property(letters, strings, fc.array(fc.nat(5)), (text, stops, cuts) => {
        const pieces: string[] = []
        let rest = text
        for (const cut of cuts) {
          pieces.push(rest.slice(0, cut))
          rest = rest.slice(cut)
        }
        const whole = run(stops, [text])
        expect(run(stops, [...pieces, rest])).toEqual(whole)
        // Against a plain search: the first end of any stop string.
        const ends = stops.map((s) => (text.includes(s) ? text.indexOf(s) + s.length : Infinity))
        const end = Math.min(Infinity, ...ends)
        expect(whole.matched !== null).toBe(end < Infinity)
        if (whole.matched === null) expect(whole.text).toBe(text)
        else expect(whole.text.length + whole.matched.length).toBe(end)
      }),
    )
  })
})
