// Chat on a terminal: messages are written, answers stream, slash commands do the rest.

import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { FakError } from '@fak/tensor'
import { History, stateFolder } from '../editor/history.js'
import { messageOf, readMessage, type Written } from '../editor/line-editor.js'
import { openOwnEditor } from '../editor/own-editor.js'
import { EXIT, oneLine, printable } from '../errors.js'
import type { CliIo } from '../io.js'
import { weightSummary } from '../model/opened.js'
import { count, type Output, plural } from '../output.js'
import { describeExecutor, type Runtime } from '../runtime.js'
import { Keyboard, nameOf } from '../terminal/keyboard.js'
import { LOOK, span } from '../terminal/spans.js'
import { wrap } from '../terminal/wrap.js'
import { AnswerView, contextUse, type ThinkingView } from './answer-view.js'
import { imageIn, noImages } from './attachments.js'
import type { Conversation } from './conversation.js'
import { Screen } from './screen.js'
import type { Chat } from './slash/command.js'
import { completeSlash, runSlashCommand } from './slash/index.js'
import type { TurnEvent } from './turn.js'

/** A model and the conversation on it. */
export interface Talk {
  readonly runtime: Runtime
  readonly conversation: Conversation
}

/** What an interactive chat works with. */
export interface Interactive {
  readonly io: CliIo
  readonly output: Output
  readonly talk: Talk
  /** Opens another model on which a conversation goes on. The first one is closed by whoever gave it. */
  readonly reopen: (reference: string, before: Conversation) => Promise<Talk & { close(): Promise<void> }>
  readonly version: string
  /** Whether earlier messages are kept from run to run. */
  readonly history: boolean
  readonly markdown: boolean
}

const HINT = 'Send a message, or /help'

/** Talks until the user leaves; returns the exit code: 0 after /exit and Ctrl-D, 130 after Ctrl-C at the prompt, 143 after SIGTERM. */
export async function chatOnTerminal(options: Interactive): Promise<number> {
  const chat = new TerminalChat(options)
  try {
    return await chat.run()
  } finally {
    await chat.close()
  }
}

class TerminalChat implements Chat {
  readonly screen: Screen
  readonly attachments: string[] = []
  thinking: ThinkingView = 'fold'
  lastThought = ''
  readonly #options: Interactive
  readonly #keyboard: Keyboard
  readonly #history: History
  #talk: Talk
  #closeTalk: (() => Promise<void>) | null = null
  /** The message that what is written next takes the place of. */
  #editing: number | null = null
  #draft = ''

  constructor(options: Interactive) {
    const { io, output, talk, history } = options
    this.#options = options
    this.#talk = talk
    this.screen = new Screen(io, output)
    this.#keyboard = new Keyboard(io)
    const folder = history ? stateFolder(io.env) : undefined
    this.#history = new History(folder && join(folder, 'history'))
  }

  get runtime(): Runtime {
    return this.#talk.runtime
  }

  get conversation(): Conversation {
    return this.#talk.conversation
  }

  async switchModel(reference: string): Promise<void> {
    // A download asks first, and listens to the keys itself.
    this.#keyboard.close()
    const next = await this.#options.reopen(reference, this.conversation)
    await this.#closeTalk?.()
    this.#talk = next
    this.#closeTalk = () => next.close()
  }

  async close(): Promise<void> {
    this.#keyboard.close()
    await this.#closeTalk?.()
  }

  async run(): Promise<number> {
    const { io } = this.#options
    await this.#greet()
    let terminated = () => {}
    const end = new Promise<'terminated'>((resolve) => {
      terminated = () => resolve('terminated')
    })
    // Whoever ends the program from outside gets the terminal back as it was.
    const stop = new AbortController()
    const release = io.onSignal('SIGTERM', () => {
      stop.abort()
      terminated()
    })
    try {
      for (;;) {
        const written = await Promise.race([this.#write(), end])
        if (written === 'terminated') return EXIT.terminated
        if (written === 'interrupted') return EXIT.interrupted
        if (written === 'ended') return EXIT.done
        const ending = await this.#take(written.text, stop.signal)
        if (stop.signal.aborted) return EXIT.terminated
        if (ending !== undefined) return ending
      }
    } finally {
      release()
    }
  }

  async #greet(): Promise<void> {
    const { version } = this.#options
    const { opened } = this.runtime
    const { dtype, parameters } = weightSummary(opened)
    const model = `${opened.architecture}, ${count(parameters)} parameters, ${dtype}`
    await this.screen.draw(
      wrap(
        [
          span(`fak ${version}`, LOOK.bold),
          span(` · ${printable(opened.name)} (${printable(model)}) · ${describeExecutor(this.runtime)}`),
        ],
        this.screen.size.columns,
      ),
    )
    if (opened.isDemo) {
      await this.screen.say('A tiny model of our own: it knows capitals, colours, days, small sums and this project.')
    }
    const { turns } = this.conversation
    if (turns > 0) {
      await this.screen.say(`Going on with the conversation of ${plural(turns, 'message')} so far.`)
    }
    await this.screen.say('/help lists commands, Ctrl-C stops an answer, Ctrl-D leaves', LOOK.dim)
    if (this.#history.failed !== null) await this.screen.say(oneLine(this.#history.failed), LOOK.dim)
  }

  async #write(): Promise<Written> {
    const { io } = this.#options
    const draft = this.#draft
    this.#draft = ''
    if (!this.screen.moves) return readPlainLine(io)
    await this.screen.draw([[]])
    this.#keyboard.open()
    return readMessage(
      {
        io,
        keyboard: this.#keyboard,
        area: this.screen.area,
        history: () => this.#history.entries,
        openEditor: (text) => openOwnEditor(text, io),
        complete: completeSlash,
        hint: this.#editing === null ? HINT : `Message ${this.#editing}; send it empty to leave it as it is`,
      },
      draft,
    )
  }

  /** Does what was written. @returns an exit code when that ends the chat */
  async #take(written: string, signal: AbortSignal): Promise<number | undefined> {
    const editing = this.#editing
    this.#editing = null
    const text = messageOf(written)
    if (text === '') return undefined
    this.#history.add(text)
    if (editing === null && text.startsWith('/') && !text.startsWith('//')) {
      const next = await runSlashCommand(text, this)
      if (next === 'exit') return EXIT.done
      if (next === undefined) return undefined
      if ('answer' in next) return this.#answer(next.answer, signal)
      this.#editing = next.edit
      this.#draft = next.draft
      return undefined
    }
    const image = imageIn(text)
    if (image !== null) {
      await this.screen.say(oneLine(noImages(image, 'by its name').message), LOOK.red)
      await this.screen.say('To write about the name alone, put it in `backquotes`.', LOOK.dim)
      this.#draft = written
      this.#editing = editing
      return undefined
    }
    const said = text.startsWith('//') ? text.slice(1) : text
    const message = [...this.attachments.splice(0), said].join('\n\n')
    const { conversation } = this
    return this.#answer(
      (stop) => (editing === null ? conversation.ask(message, stop) : conversation.askInstead(editing, message, stop)),
      signal,
    )
  }

  /** Shows one answer. Ctrl-C stops it; a second one before it has stopped leaves. */
  async #answer(
    ask: (signal: AbortSignal) => AsyncIterable<TurnEvent>,
    until: AbortSignal,
  ): Promise<number | undefined> {
    const { io, markdown } = this.#options
    const stop = new AbortController()
    let presses = 0
    const press = () => {
      presses++
      stop.abort()
    }
    const unlisten = this.screen.moves
      ? this.#keyboard.listen((key) => (nameOf(key) === 'ctrl-c' ? press() : later.push(key)))
      : () => {}
    const later: Parameters<Keyboard['unread']>[0][] = []
    const view = new AnswerView(this.screen, { markdown, thinking: this.thinking })
    const release = [
      io.onSignal('SIGINT', press),
      unlisten,
      this.screen.onResize(() => void view.resized().catch(() => {})),
    ]
    try {
      for await (const event of ask(AbortSignal.any([stop.signal, until]))) await view.show(event)
      if (this.screen.moves && this.conversation.figures.last !== null) {
        const { contextTokens, contextLength } = this.conversation.figures
        if (contextTokens > contextLength / 2) await this.screen.say(contextUse(contextTokens, contextLength), LOOK.dim)
      }
    } catch (error) {
      if (!FakError.isInstance(error)) throw error
      await view.end()
      // A prompt that does not fit, say: the conversation stands where it stood.
      await this.screen.say(oneLine(error.message), LOOK.red)
    } finally {
      for (const off of release) off()
      // What was typed meanwhile is for the next message.
      for (const key of later) this.#keyboard.unread(key)
    }
    this.lastThought = view.reasoning
    return presses > 1 ? EXIT.interrupted : undefined
  }
}

/** One line on a terminal that can do nothing else. */
function readPlainLine(io: CliIo): Promise<Written> {
  return new Promise((resolve) => {
    const reader = createInterface({ input: io.stdin, output: io.stdout, terminal: false, prompt: '\n> ' })
    let result: Written = 'ended'
    reader.once('line', (line) => {
      result = { text: line }
      reader.close()
    })
    reader.once('close', () => resolve(result))
    reader.prompt()
  })
}
