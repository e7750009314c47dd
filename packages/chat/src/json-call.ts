// A call written as one JSON object: {"name": …, "arguments": {…}}.

/** Finds the end of a JSON object in text that comes in pieces. */
export class JsonObjectScanner {
  private depth = 0
  private inString = false
  private escaped = false
  private readonly parts: string[] = []
  /** The object is closed. */
  done = false

  /** How much of `piece` belongs to the object. */
  scan(piece: string): number {
    for (let i = 0; i < piece.length; i++) {
      const c = piece[i]!
      if (this.escaped) this.escaped = false
      else if (this.inString) {
        if (c === '\\') this.escaped = true
        else if (c === '"') this.inString = false
      } else if (c === '"') this.inString = true
      else if (c === '{' || c === '[') this.depth++
      else if ((c === '}' || c === ']') && --this.depth === 0) {
        this.parts.push(piece.slice(0, i + 1))
        this.done = true
        return i + 1
      }
    }
    this.parts.push(piece)
    return piece.length
  }

  /** Everything that was scanned. */
  text(): string {
    return this.parts.join('')
  }
}

/** A call read from JSON: its name, the keys of its arguments, and the JSON text of their members without the braces. */
export function jsonCall(text: string): { name: string; keys: string[]; members: string } | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  const { name, arguments: given, parameters } = value as Record<string, unknown>
  let args = given ?? parameters ?? {}
  try {
    if (typeof args === 'string') args = JSON.parse(args)
  } catch {
    return undefined
  }
  if (typeof name !== 'string' || name === '' || typeof args !== 'object' || args === null || Array.isArray(args))
    return undefined
  return { name, keys: Object.keys(args), members: JSON.stringify(args).slice(1, -1) }
}
