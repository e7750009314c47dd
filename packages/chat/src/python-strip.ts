// `str.strip` and its siblings as Python has them.

/** Which end of a string is stripped. */
export type StripSides = 'both' | 'left' | 'right'

// str.isspace of Python 3: White_Space and the four ASCII separators, without the byte order mark that JavaScript adds.
const SPACES = new Set(
  '\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000',
)

/** `text` without the given characters (white space when there are none) at its ends. */
export function pythonStrip(text: string, sides: StripSides, characters?: string): string {
  const set = characters === undefined ? SPACES : new Set(characters)
  const points = (index: number, step: number): string => {
    // A surrogate pair is one character.
    const code = step < 0 ? text.codePointAt(index - 2) : text.codePointAt(index)
    const pair = code !== undefined && code > 0xffff
    if (step > 0) return pair ? text.slice(index, index + 2) : text.charAt(index)
    return pair ? text.slice(index - 2, index) : text.charAt(index - 1)
  }
  let start = 0
  let end = text.length
  if (sides !== 'right') while (start < end && set.has(points(start, 1))) start += points(start, 1).length
  if (sides !== 'left') while (end > start && set.has(points(end, -1))) end -= points(end, -1).length
  return text.slice(start, end)
}
