// The one error class of @fak. Every failure a caller can meet is a FakError with a stable code; messages follow one shape:
//   <file>: <reason> (<field> at byte <offset>) [<CODE>]

const MARKER = Symbol.for('@fak/error')

/** What a {@link FakError} says beyond its code. */
export interface FakErrorDetails {
  /** Plain sentence with the values seen and the values allowed. No trailing full stop. */
  reason: string
  /** The file as the caller gave it; `null` when the input is not a file. */
  file?: string | null
  /** Byte offset of the offending field; `null` when the input has no bytes. */
  offset?: number | null
  /** Key, tensor, JSON path or parameter that is at fault. */
  field?: string | null
  /** The error underneath, when there is one. */
  cause?: unknown
}

/**
 * A typed failure: `code` is stable and UPPER_SNAKE, the rest says where and why.
 *
 * Use {@link FakError.isInstance} rather than `instanceof`: it also recognises errors from another copy of this package.
 */
export class FakError extends Error {
  readonly code: string
  readonly file: string | null
  readonly offset: number | null
  readonly field: string | null
  readonly reason: string

  constructor(code: string, details: FakErrorDetails) {
    super(messageOf(code, details), details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'FakError'
    this.code = code
    this.file = details.file ?? null
    this.offset = details.offset ?? null
    this.field = details.field ?? null
    this.reason = details.reason
    Object.defineProperty(this, MARKER, { value: true })
  }

  /** True for a `FakError` made by any copy of this package, optionally with the given code. */
  static isInstance(value: unknown, code?: string): value is FakError {
    return (
      typeof value === 'object' &&
      value !== null &&
      (value as Record<symbol, unknown>)[MARKER] === true &&
      (code === undefined || (value as FakError).code === code)
    )
  }
}

/** Longest piece of foreign text that a message repeats. */
export const MAX_QUOTED_CHARACTERS = 80

/** Quotes text that came from an input for a message: control characters escaped, cut at 80 characters. */
export function quote(text: string): string {
  const cut = text.length > MAX_QUOTED_CHARACTERS ? `${text.slice(0, MAX_QUOTED_CHARACTERS)}…` : text
  // JSON.stringify leaves DEL, C1 controls, bidi controls and line separators alone; a terminal does not.
  return JSON.stringify(cut).replace(
    /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** A name that came from an input, for {@link FakErrorDetails.field}: as it is when short and printable, else quoted. */
export function label(name: string): string {
  return name.length <= MAX_QUOTED_CHARACTERS && /^[!-~]+$/.test(name) ? name : quote(name)
}

function messageOf(code: string, { file, reason, field, offset }: FakErrorDetails): string {
  const where = [field ?? '', offset === undefined || offset === null ? '' : `at byte ${offset}`].filter(Boolean)
  const prefix = file === undefined || file === null ? '' : `${file}: `
  return `${prefix}${reason}${where.length > 0 ? ` (${where.join(' ')})` : ''} [${code}]`
}
