// Splits generated text into reasoning and answer while it streams.

/** A stretch of generated text. */
export interface StreamPart {
  readonly type: 'reasoning' | 'answer'
  readonly text: string
}

/** Options of {@link ReasoningSplitter}. */
export interface ReasoningOptions {
  /** The prompt ended inside an open `<think>` block (`EncodedChat.reasoningOpen`). Default false. */
  open?: boolean
}

const OPEN = '<think>'
const CLOSE = '</think>'

/** More white space than this at the beginning is an answer. */
const MAX_SPACE_BEFORE_TAG = 64

/**
 * Splits text into what stands before `</think>` and what follows. A block that the model opens itself counts only when it
 * begins the text. Everything but the two tags and the line breaks next to them comes out, in order; a block that
 * is never closed is reasoning to the end.
 */
export class ReasoningSplitter {
  private state: 'start' | 'opened' | 'reasoning' | 'closed' | 'answer'
  /** Line breaks that are dropped if the closing tag follows. */
  private breaks = 0
  /** Text behind them that may be the beginning of a tag. */
  private held = ''

  constructor({ open = false }: ReasoningOptions = {}) {
    this.state = open ? 'reasoning' : 'start'
  }

  /** Takes the next piece of text and returns what is now certain. */
  push(text: string): StreamPart[] {
    this.held += text
    const parts: StreamPart[] = []
    if (this.state === 'start') this.begin()
    if (this.state === 'opened') this.skipLineBreaks('reasoning')
    if (this.state === 'reasoning') this.reason(parts)
    if (this.state === 'closed') this.skipLineBreaks('answer')
    if (this.state === 'answer') this.emit(parts, 'answer', this.held.length)
    return parts
  }

  /** Returns what was held back. The splitter is then at its end. */
  end(): StreamPart[] {
    const parts: StreamPart[] = []
    this.held = '\n'.repeat(this.breaks) + this.held
    this.breaks = 0
    this.emit(parts, this.state === 'reasoning' ? 'reasoning' : 'answer', this.held.length)
    return parts
  }

  private emit(parts: StreamPart[], type: StreamPart['type'], length: number): void {
    if (length > 0) parts.push({ type, text: this.held.slice(0, length) })
    this.held = this.held.slice(length)
  }

  private begin(): void {
    const text = this.held.trimStart()
    if (this.held.length - text.length > MAX_SPACE_BEFORE_TAG) {
      this.state = 'answer'
    } else if (text.startsWith(OPEN)) {
      this.held = text.slice(OPEN.length)
      this.state = 'opened'
    } else if (!OPEN.startsWith(text)) {
      this.state = 'answer'
    }
  }

  private reason(parts: StreamPart[]): void {
    const close = this.held.indexOf(CLOSE)
    const body = this.held.slice(0, close < 0 ? this.held.length - tagBegun(this.held) : close)
    const rest = this.held.slice(close < 0 ? body.length : close + CLOSE.length)
    let certain = body.length
    while (certain > 0 && body[certain - 1] === '\n') certain--
    if (certain > 0) {
      parts.push({ type: 'reasoning', text: '\n'.repeat(this.breaks) + body.slice(0, certain) })
      this.breaks = 0
    }
    this.breaks += body.length - certain
    this.held = rest
    if (close < 0) return
    this.breaks = 0
    this.state = 'closed'
  }

  private skipLineBreaks(next: 'reasoning' | 'answer'): void {
    this.held = this.held.replace(/^\n+/, '')
    if (this.held !== '') this.state = next
  }
}

/** Length of the longest end of `text` that begins the closing tag. */
function tagBegun(text: string): number {
  let length = Math.min(CLOSE.length - 1, text.length)
  while (length > 0 && !text.endsWith(CLOSE.slice(0, length))) length--
  return length
}

/** {@link ReasoningSplitter} over a stream of text. */
export async function* splitStream(
  pieces: AsyncIterable<string> | Iterable<string>,
  options: ReasoningOptions = {},
): AsyncGenerator<StreamPart, void, void> {
  const splitter = new ReasoningSplitter(options)
  for await (const piece of pieces) yield* splitter.push(piece)
  yield* splitter.end()
}
