// Where tokens come from in the text as it was given. The tokens of a text are the bytes of its normal form, cut; so what is needed
// is the way back from those bytes to the text.

import { clusterEnd, clusterMayChange, normalizeNfc } from './normalize.js'
import type { Stretch } from './text-encoder.js'

/** What positions count: UTF-16 units (positions in a JavaScript string), or bytes of the text in UTF-8. */
export type OffsetUnit = 'utf16' | 'utf8'

/** Bytes that a character takes in UTF-8; a lone surrogate counts as U+FFFD. */
function bytesOf(character: number): number {
  return character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4
}

function bytesOfText(text: string, start: number, end: number): number {
  let bytes = 0
  for (let i = start; i < end; i++) {
    const character = text.codePointAt(i)!
    bytes += bytesOf(character)
    if (character > 0xffff) i++
  }
  return bytes
}

/** Tokens of a text, and how they came about. */
export interface TokenizedText {
  readonly text: string
  readonly ids: ArrayLike<number>
  /** How many of `ids` count. */
  readonly count: number
  readonly stretches: readonly Stretch[]
}

/** For each token, the span it came from, and whether it ends where that span ends. */
export interface Spans {
  readonly starts: Uint32Array
  readonly ends: Uint32Array
  /** 1 or 0: a text may be cut behind a token where this is 1. */
  readonly whole: Uint8Array
}

/** Finds where tokens came from. `lengthOf`: bytes of a token. */
export function spansOf(tokenized: TokenizedText, unit: OffsetUnit, lengthOf: (id: number) => number): Spans {
  const { text, ids, count, stretches } = tokenized
  const starts = new Uint32Array(count)
  const ends = new Uint32Array(count)
  const whole = new Uint8Array(count)
  let position = 0
  for (const [index, stretch] of stretches.entries()) {
    const last = index + 1 < stretches.length ? stretches[index + 1]!.firstToken : count
    if (stretch.added) {
      starts[stretch.firstToken] = position
      position += unit === 'utf16' ? stretch.end - stretch.start : bytesOfText(text, stretch.start, stretch.end)
      ends[stretch.firstToken] = position
      whole[stretch.firstToken] = 1
      continue
    }
    const cursor = new SourceCursor(text, stretch, position, unit)
    for (let i = stretch.firstToken; i < last; i++) {
      starts[i] = cursor.take(stretch.bytes.get(i) ?? lengthOf(ids[i]!))
      ends[i] = cursor.end
      whole[i] = cursor.whole ? 1 : 0
    }
    position = cursor.end
  }
  return { starts, ends, whole }
}

/**
 * Reads a stretch in atoms, front to back, while tokens are taken from its normal form. An atom is a character that normalization
 * left alone, or a whole cluster that it changed: within one, nothing can be said to come from one place.
 */
class SourceCursor {
  /** Where the atom ends that holds the last byte taken. */
  end: number
  private start: number
  /** Bytes of the normal form of that atom that were not taken yet; 0 between two atoms. */
  private left = 0
  /** The same place as `end`, in UTF-16 units. */
  private next: number
  /** Up to here clusters are known to stay as they are, and are read character by character. */
  private unchanged: number

  constructor(
    private readonly text: string,
    private readonly stretch: Stretch,
    position: number,
    private readonly unit: OffsetUnit,
  ) {
    this.next = stretch.start
    this.unchanged = stretch.changed ? stretch.start : stretch.end
    this.start = position
    this.end = position
  }

  /** Takes the next `bytes` bytes of the normal form and returns where the first of them comes from. */
  take(bytes: number): number {
    if (this.left === 0) this.read()
    const from = this.start
    let wanted = bytes
    while (wanted > this.left) {
      wanted -= this.left
      this.read()
    }
    this.left -= wanted
    return from
  }

  /** Whether what was taken so far ends where an atom ends. */
  get whole(): boolean {
    return this.left === 0
  }

  private read(): void {
    const { next, text } = this
    if (next >= this.unchanged) {
      const end = Math.min(clusterEnd(text, next), this.stretch.end)
      if (clusterMayChange(text, next, end)) {
        const given = text.slice(next, end)
        const normal = normalizeNfc(given)
        if (normal !== given) {
          this.advance(end, bytesOfText(normal, 0, normal.length))
          return
        }
      }
      this.unchanged = end
    }
    const character = text.codePointAt(next)!
    this.advance(next + (character > 0xffff ? 2 : 1), bytesOf(character))
  }

  private advance(end: number, bytes: number): void {
    this.start = this.end
    this.end += this.unit === 'utf16' ? end - this.next : bytesOfText(this.text, this.next, end)
    this.left = bytes
    this.next = end
  }
}
