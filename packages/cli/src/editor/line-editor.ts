// Writing a message on a terminal: several lines, pastes, earlier messages, and an editor of one's own for long ones.

import type { CliIo } from '../io.js'
import { columns } from '../terminal/columns.js'
import { type Key, type Keyboard, nameOf } from '../terminal/keyboard.js'
import { type LiveArea, sizeOf } from '../terminal/live-area.js'
import { type Line, LOOK, span } from '../terminal/spans.js'
import { Draft } from './draft.js'
import { draftLines } from './draft-lines.js'

/** How writing ended. */
export type Written = { readonly text: string } | 'interrupted' | 'ended'

/** What completes a word, and what else there is. */
export interface Completion {
  /** What the draft becomes. */
  readonly text: string
  /** All that fits, to be shown. */
  readonly choices: readonly string[]
}

/** What an editor works with. */
export interface EditorOptions {
  readonly io: CliIo
  readonly keyboard: Keyboard
  readonly area: LiveArea
  /** Earlier messages, the latest last. */
  readonly history: () => readonly string[]
  /** Opens an editor of the user's own on a text. @returns the text it leaves, or why there is none */
  readonly openEditor: (text: string) => Promise<{ readonly text: string } | { readonly reason: string }>
  /** Completes what stands before the cursor. */
  readonly complete: (text: string) => Completion | null
  /** What an empty draft says. */
  readonly hint: string
}

const PROMPTS = { first: span('> ', LOOK.cyan | LOOK.bold), rest: span('. ', LOOK.dim) }
const BLOCK = '"""'

/** Whether Enter goes on with the message: it stands in a block of three quotes that is not closed. */
export const inBlock = (text: string): boolean =>
  text.startsWith(BLOCK) && (text.length < 2 * BLOCK.length || !text.trimEnd().endsWith(BLOCK))

/** The message that a draft stands for: without the quotes of a block. */
export function messageOf(text: string): string {
  const trimmed = text.trim()
  if (!trimmed.startsWith(BLOCK) || !trimmed.endsWith(BLOCK) || trimmed.length < 2 * BLOCK.length) return trimmed
  return trimmed.slice(BLOCK.length, -BLOCK.length).replace(/^\n|\n$/g, '')
}

/** Reads a message; `draft` is what stands there to begin with. */
export function readMessage(options: EditorOptions, draft = ''): Promise<Written> {
  return new Promise((resolve, reject) => new Writing(options, draft, resolve, reject))
}

/** Where in the history one stands: back by so many, or searching. */
interface Search {
  readonly words: string
  readonly found: number
}

class Writing {
  readonly #options: EditorOptions
  readonly #draft = new Draft()
  readonly #history: readonly string[]
  readonly #resolve: (written: Written) => void
  readonly #reject: (error: unknown) => void
  readonly #release: () => void
  /** How far back in the history; 0 is the draft itself. */
  #back = 0
  #own = ''
  #search: Search | null = null
  #note: Line | null = null
  #done = false

  constructor(
    options: EditorOptions,
    draft: string,
    resolve: (written: Written) => void,
    reject: (e: unknown) => void,
  ) {
    this.#options = options
    this.#history = options.history()
    this.#resolve = resolve
    this.#reject = reject
    if (draft !== '') this.#draft.replace(draft)
    const { io, keyboard } = options
    const redraw = () => this.#show()
    io.stdout.on('resize', redraw)
    const unlisten = keyboard.listen((key) => this.#key(key))
    this.#release = () => {
      io.stdout.off('resize', redraw)
      unlisten()
    }
    this.#show()
  }

  #key(key: Key): void {
    if (this.#done) return
    this.#note = null
    if (this.#search === null || !this.#searching(key, this.#search)) {
      this.#search = null
      this.#act(key)
    }
    if (!this.#done) this.#show()
  }

  #act(key: Key): void {
    const draft = this.#draft
    const name = nameOf(key)
    const action = this.#actions[name]
    if (key.type === 'paste') draft.insert(key.text)
    else if (name === 'return') this.#enter(key.more)
    else if (action !== undefined) action()
    else if (ACTIONS[name] !== undefined) ACTIONS[name](draft)
    else if (key.text !== '') draft.insert(key.text)
  }

  /** Keys that do more than change the draft. */
  readonly #actions: Readonly<Record<string, () => void>> = {
    up: () => {
      if (!this.#draft.up()) this.#recall(1)
    },
    down: () => {
      if (!this.#draft.down()) this.#recall(-1)
    },
    'ctrl-p': () => this.#recall(1),
    'ctrl-n': () => this.#recall(-1),
    'ctrl-c': () => {
      if (this.#draft.text === '') return this.#finish('interrupted')
      this.#back = 0
      this.#draft.replace('')
    },
    'ctrl-d': () => {
      if (this.#draft.text === '') this.#finish('ended')
      else this.#draft.delete()
    },
    'ctrl-r': () => {
      this.#search = { words: '', found: -1 }
    },
    'ctrl-l': () => void this.#options.io.stdout.write(`${this.#options.area.clear()}\u001b[H\u001b[2J`),
    'ctrl-g': () => this.#openEditor(),
    tab: () => this.#complete(),
  }

  #enter(more: boolean): void {
    const draft = this.#draft
    const before = draft.text.slice(0, draft.cursor)
    const slashes = /\\+$/.exec(before)?.[0].length ?? 0
    // In the middle of a piece of input it is a line break of a paste that the terminal did not mark.
    let message = !more && !inBlock(draft.text)
    if (slashes % 2 === 1 && draft.cursor === draft.text.length) {
      draft.backspace()
      message = false
    }
    if (message) this.#finish({ text: draft.text })
    else draft.insert('\n')
  }

  #recall(step: 1 | -1): void {
    const to = this.#back + step
    if (to < 0 || to > this.#history.length) return
    if (this.#back === 0) this.#own = this.#draft.text
    this.#back = to
    this.#draft.replace(to === 0 ? this.#own : this.#history.at(-to)!)
  }

  /** Ctrl-R: looks for an earlier message. @returns whether the key was one for the search */
  #searching(key: Key, { words, found }: Search): boolean {
    const name = nameOf(key)
    const look = (text: string, from: number) => {
      const at = text === '' ? -1 : this.#history.slice(0, from).findLastIndex((entry) => entry.includes(text))
      this.#search = { words: text, found: at }
      if (at >= 0) this.#draft.replace(this.#history[at]!)
    }
    if (name === 'ctrl-r') look(words, found >= 0 ? found : this.#history.length)
    else if (name === 'backspace') look(words.slice(0, -1), this.#history.length)
    else if (name === 'ctrl-c' || name === 'escape' || name === 'ctrl-g') {
      this.#search = null
      this.#draft.replace('')
    } else if (key.type === 'key' && key.text !== '') look(words + key.text, this.#history.length)
    else return false
    return true
  }

  #complete(): void {
    const { text, cursor } = this.#draft
    const found = this.#options.complete(text.slice(0, cursor))
    if (found === null) return
    if (found.text !== text.slice(0, cursor)) this.#draft.replace(found.text + text.slice(cursor), found.text.length)
    else if (found.choices.length > 1) this.#note = [span(`  ${found.choices.slice(0, 30).join('  ')}`, LOOK.dim)]
  }

  #openEditor(): void {
    const { io, keyboard, area, openEditor } = this.#options
    io.stdout.write(area.clear())
    keyboard.close()
    openEditor(this.#draft.text)
      .then((left) => {
        if ('text' in left) this.#draft.replace(left.text)
        else this.#note = [span(`  ${left.reason}`, LOOK.dim)]
      })
      .then(() => {
        keyboard.open()
        this.#show()
      })
      .catch((error) => {
        this.#release()
        this.#reject(error)
      })
  }

  #finish(written: Written): void {
    this.#done = true
    this.#release()
    const { io, area } = this.#options
    const { columns: width, rows } = sizeOf(io.stdout)
    const { text } = this.#draft
    const { lines } = draftLines(text, 0, PROMPTS, width, Math.max(3, rows - 2))
    io.stdout.write(area.update(lines, []))
    this.#resolve(written)
  }

  #show(): void {
    if (this.#done) return
    const { io, area, hint } = this.#options
    const { columns: width, rows } = sizeOf(io.stdout)
    const { text, cursor } = this.#draft
    const shown = draftLines(text, cursor, PROMPTS, width, Math.max(1, rows - 2))
    const lines = text === '' && columns(hint) + 2 < width ? [[PROMPTS.first, span(hint, LOOK.dim)]] : shown.lines
    const words = this.#search?.words ?? ''
    const search =
      this.#search === null
        ? []
        : [[span(`  search: ${words}${words !== '' && this.#search.found < 0 ? ' (not found)' : ''}`, LOOK.dim)]]
    const note = this.#note === null ? [] : [this.#note]
    io.stdout.write(area.update([], [...lines, ...search, ...note], shown.cursor))
  }
}

/** Keys that change the draft alone. */
const ACTIONS: Readonly<Record<string, (draft: Draft) => void>> = {
  left: (draft) => draft.left(),
  right: (draft) => draft.right(),
  'ctrl-b': (draft) => draft.left(),
  'ctrl-f': (draft) => draft.right(),
  'ctrl-left': (draft) => draft.wordLeft(),
  'ctrl-right': (draft) => draft.wordRight(),
  'meta-left': (draft) => draft.wordLeft(),
  'meta-right': (draft) => draft.wordRight(),
  'meta-b': (draft) => draft.wordLeft(),
  'meta-f': (draft) => draft.wordRight(),
  home: (draft) => draft.home(),
  end: (draft) => draft.end(),
  'ctrl-a': (draft) => draft.home(),
  'ctrl-e': (draft) => draft.end(),
  backspace: (draft) => draft.backspace(),
  'ctrl-h': (draft) => draft.backspace(),
  delete: (draft) => draft.delete(),
  'ctrl-k': (draft) => draft.killToEnd(),
  'ctrl-u': (draft) => draft.killToStart(),
  'ctrl-w': (draft) => draft.killWordLeft(),
  'meta-backspace': (draft) => draft.killWordLeft(),
  'ctrl-backspace': (draft) => draft.killWordLeft(),
  'meta-d': (draft) => draft.killWordRight(),
  'ctrl-y': (draft) => draft.yank(),
  '\u001f': (draft) => draft.undo(),
  enter: (draft) => draft.insert('\n'),
  'ctrl-j': (draft) => draft.insert('\n'),
  'meta-return': (draft) => draft.insert('\n'),
  // Shift-Enter where the terminal tells it from Enter.
  '[13;2u': (draft) => draft.insert('\n'),
}
