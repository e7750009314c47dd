// Marks: characters that stand for control tokens while a template runs, so that what the template wrote can be told from what
// a user wrote, whatever the template does with both. They are private-use characters that occur nowhere in the input.
// A template can copy, cut and join characters but not make new ones, so a mark in its output comes from its own text.

import { FakError } from '@fak/tensor'
import type { Tokenizer } from '@fak/tokenizer'

const FIRST_PRIVATE = 0xe000
const LAST_PRIVATE = 0xf8ff

/** Control tokens as single characters. Made for one rendering. */
export class TokenMarks {
  private readonly idOfMark = new Map<string, number>()
  private readonly markOfId = new Map<number, string>()
  private readonly textOfMark = new Map<string, string>()
  private readonly marked = new Map<string, string>()
  private readonly taken = new Set<string>()
  private next = FIRST_PRIVATE

  /** `inputs`: every text that the template is handed or contains; no mark will occur in any of them. */
  constructor(
    private readonly tokenizer: Tokenizer,
    inputs: Iterable<string>,
  ) {
    for (const text of inputs) for (const c of text.match(/[\ue000-\uf8ff]/g) ?? []) this.taken.add(c)
  }

  /** A text of the template with its control tokens as marks. */
  mark(text: string): string {
    const known = this.marked.get(text)
    if (known !== undefined) return known
    let marked = ''
    for (const segment of this.tokenizer.splitAdded(text))
      marked += segment.id === undefined ? segment.text : this.markOf(segment.id)
    this.marked.set(text, marked)
    return marked
  }

  private markOf(id: number): string {
    const known = this.markOfId.get(id)
    if (known !== undefined) return known
    let mark = String.fromCharCode(this.next++)
    while (this.taken.has(mark)) mark = String.fromCharCode(this.next++)
    if (mark.charCodeAt(0) > LAST_PRIVATE) {
      throw new FakError('CHAT_BAD_MESSAGE', { reason: 'the text uses up the private-use characters U+E000 to U+F8FF' })
    }
    this.markOfId.set(id, mark)
    this.idOfMark.set(mark, id)
    this.textOfMark.set(mark, new TextDecoder().decode(this.tokenizer.tokenBytes(id)))
    return mark
  }

  /** Whether `text` holds a mark. */
  in(text: string): boolean {
    for (const mark of this.idOfMark.keys()) if (text.includes(mark)) return true
    return false
  }

  /** `text` with marks as the tokens they stand for. */
  unmark(text: string): string {
    let plain = text
    for (const [mark, token] of this.textOfMark) plain = plain.replaceAll(mark, token)
    return plain
  }

  /** `text.split(separator)`, where a control token in the separator may stand in the text as a mark or be written out. */
  split(text: string, separator: string): string[] {
    const written = this.unmark(separator)
    const marked = this.mark(written)
    if (marked === written) return text.split(written)
    return text.split(written).flatMap((part) => part.split(marked))
  }

  /** Token ids of a rendered text: marks are control tokens, everything else is text. */
  encode(rendered: string): Uint32Array {
    const parts: Uint32Array[] = []
    let from = 0
    const flush = (to: number): void => {
      if (to > from) parts.push(this.tokenizer.encode(rendered.slice(from, to)))
      from = to + 1
    }
    for (let i = 0; i < rendered.length; i++) {
      const id = this.idOfMark.get(rendered[i]!)
      if (id === undefined) continue
      flush(i)
      parts.push(Uint32Array.of(id))
    }
    flush(rendered.length)
    const ids = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0))
    let at = 0
    for (const part of parts) {
      ids.set(part, at)
      at += part.length
    }
    return ids
  }
}
