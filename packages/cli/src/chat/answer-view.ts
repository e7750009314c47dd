// One answer on a terminal as it comes: thinking that folds when it is done, Markdown, calls of tools, and the figures below.

import { Markdown, visible } from '../markdown/markdown.js'
import { plural, rate } from '../output.js'
import { type Line, LOOK, span } from '../terminal/spans.js'
import { Flow, fit } from '../terminal/wrap.js'
import { callLine } from './calls.js'
import { speculationFigure, thoughtFigure } from './figures.js'
import { droppedNote } from './overflow.js'
import type { Screen } from './screen.js'
import type { TurnDone, TurnEvent } from './turn.js'

/** How thinking is shown: its last lines while it lasts, then one line; all of it; or that line alone. */
export type ThinkingView = 'fold' | 'show' | 'hide'

/** How answers are shown. */
export interface ViewOptions {
  readonly markdown: boolean
  readonly thinking: ThinkingView
  /** Whether the figures follow on a line of their own; default true. */
  readonly figures?: boolean
}

/** Lines of a thought that are seen while it lasts. */
const THOUGHT_LINES = 5
/** Reading that takes less is not announced. */
const QUIET_MS = 300

/** Text that grows: Markdown, or as it is. */
interface Growing {
  push(text: string): Line[]
  live(): Line[]
  end(): Line[]
  resize(page: { columns: number; rows: number; styled: boolean }): void
}

/** Text as it is, wrapped. */
class PlainText implements Growing {
  readonly #flow: Flow
  readonly #look: number

  constructor(columns: number, look: number = LOOK.plain) {
    this.#flow = new Flow(columns)
    this.#look = look
  }

  push(text: string): Line[] {
    return this.#flow.push([span(visible(text.replaceAll('\r\n', '\n')), this.#look)])
  }

  live(): Line[] {
    return this.#flow.lines()
  }

  end(): Line[] {
    return this.#flow.lines()
  }

  resize({ columns }: { columns: number }): void {
    this.#flow.width = columns
  }
}

/** Draws the events of one turn. */
export class AnswerView {
  readonly #screen: Screen
  readonly #options: ViewOptions
  readonly #start = performance.now()
  #thought: { readonly text: PlainText; begun: number; tokens: number; lines: Line[] } | null = null
  /** Everything that was thought. */
  #reasoning = ''
  #answer: Growing | null = null
  #begun = false
  #status: Line[] = []

  constructor(screen: Screen, options: ViewOptions) {
    this.#screen = screen
    this.#options = options
  }

  /** What the model thought, for those who want to see it later. */
  get reasoning(): string {
    return this.#reasoning
  }

  /** Draws what an event says. */
  async show(event: TurnEvent): Promise<void> {
    this.#status = []
    switch (event.type) {
      case 'prefill':
        if (event.total > 1 && performance.now() - this.#start > QUIET_MS) {
          this.#status = [[span(`reading, ${event.done} of ${event.total} tokens`, LOOK.dim)]]
        }
        return this.#draw([])
      case 'token':
        if (this.#thought !== null) this.#thought.tokens++
        return
      case 'reasoning':
        return this.#think(event.text)
      case 'text':
        return this.#say(event.text)
      case 'tool-call':
      case 'tool-call-incomplete':
        await this.#endParts()
        return this.#line(`→ ${callLine(event)}`, LOOK.cyan)
      case 'dropped-turns':
        return this.#line(droppedNote(event.turns), LOOK.dim)
      case 'warning':
        await this.#endParts()
        return this.#line(event.reason, LOOK.dim)
      case 'done':
        await this.#endParts()
        if (this.#options.figures !== false) return this.#line(figures(event), LOOK.dim)
        return this.#begun && !this.#screen.moves ? this.#screen.raw('\n') : undefined
    }
  }

  /** Draws everything that can still change anew: the terminal has another size. */
  async resized(): Promise<void> {
    const page = this.#page
    this.#answer?.resize(page)
    this.#thought?.text.resize(page)
    await this.#draw([])
  }

  /** Leaves the terminal with everything that was said on it. */
  async end(): Promise<void> {
    this.#status = []
    await this.#endParts()
  }

  get #page() {
    return { ...this.#screen.size, styled: this.#screen.styled }
  }

  async #line(text: string, look: number): Promise<void> {
    if (!this.#screen.moves) return this.#screen.raw(`${this.#begun ? '\n' : ''}${text}\n`)
    await this.#screen.say(text, look)
  }

  async #think(text: string): Promise<void> {
    this.#reasoning += text
    if (!this.#screen.moves) return
    this.#thought ??= {
      text: new PlainText(this.#page.columns, LOOK.dim),
      begun: performance.now(),
      tokens: 1,
      lines: [],
    }
    const lines = this.#thought.text.push(text)
    if (this.#options.thinking === 'show') return this.#draw(lines)
    this.#thought.lines = [...this.#thought.lines, ...lines].slice(-THOUGHT_LINES)
    await this.#draw([])
  }

  async #say(text: string): Promise<void> {
    if (!this.#screen.moves) {
      this.#begun = true
      return this.#screen.raw(visible(text))
    }
    await this.#endThought()
    const { markdown } = this.#options
    this.#answer ??= markdown ? new Markdown(this.#page) : new PlainText(this.#page.columns)
    await this.#draw(this.#answer.push(text))
  }

  async #endThought(): Promise<void> {
    const thought = this.#thought
    if (thought === null) return
    this.#thought = null
    const shown = this.#options.thinking === 'show'
    const seconds = ((performance.now() - thought.begun) / 1000).toFixed(1)
    const hint = shown ? '' : ' · /think show'
    const fold = [span(`▸ thought for ${seconds} s, ${plural(thought.tokens, 'token')}${hint}`, LOOK.dim)]
    await this.#draw([...(shown ? thought.text.end() : []), fold, []])
  }

  async #endParts(): Promise<void> {
    await this.#endThought()
    const answer = this.#answer
    this.#answer = null
    if (answer !== null) await this.#draw(answer.end())
    else if (this.#screen.moves) await this.#draw([])
  }

  async #draw(done: readonly Line[]): Promise<void> {
    const thought = this.#thought
    const live = this.#answer?.live() ?? (thought === null ? [] : this.#thoughtLines(thought))
    await this.#screen.draw(done, [...this.#status, ...live])
  }

  #thoughtLines({ text, lines, tokens }: { text: PlainText; lines: Line[]; tokens: number }): Line[] {
    if (this.#options.thinking === 'show') return text.live()
    const head = [span(`▾ thinking, ${plural(tokens, 'token')}`, LOOK.dim)]
    if (this.#options.thinking === 'hide') return [head]
    const { columns } = this.#page
    return [
      head,
      ...[...lines, ...text.live()].slice(-THOUGHT_LINES).map((line) => fit([span('  '), ...line], columns)),
    ]
  }
}

/** The figures of an answer on one line. */
function figures({
  tokens,
  thought,
  promptTokens,
  cachedTokens,
  timings,
  finishReason,
  speculation,
}: TurnDone): string {
  const ended =
    finishReason === 'stop' || finishReason === 'tool_calls'
      ? ''
      : finishReason === 'aborted'
        ? ' (stopped)'
        : ` (ended by ${finishReason})`
  const decode = `${plural(tokens.length, 'token')}${thoughtFigure(thought)}, ${rate(timings.tokensPerSecond)} tok/s${speculationFigure(speculation)}${ended}`
  const cached = cachedTokens === 0 ? '' : `, ${cachedTokens} cached`
  const speed = timings.prefillTokensPerSecond === null ? '' : `, ${rate(timings.prefillTokensPerSecond)} tok/s`
  return `${decode} · prompt ${plural(promptTokens, 'token')}${cached}${speed}`
}

/** How full the context is, e.g. `context 1204 of 262144 tokens (0 %)`. */
export function contextUse(used: number, length: number): string {
  return `context ${used} of ${length} tokens (${Math.floor((100 * used) / length)} %)`
}
