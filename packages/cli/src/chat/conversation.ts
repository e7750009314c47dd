// A conversation: messages, the session that holds their tokens, and one turn at a time.

import { type ChatMessage, type ChatTemplate, encodeChat, ReasoningSplitter, type StreamPart } from '@fak/chat'
import {
  createSession,
  type DoneEvent,
  type GenerateOptions,
  type PrefillEvent,
  type Session,
  type TokenEvent,
} from '@fak/session'
import type { Tokenizer } from '@fak/tokenizer'
import { stopTokens, weightSummary } from '../model/opened.js'
import type { Runtime } from '../runtime.js'
import { sampling } from './presets.js'

/** What a chat was asked to be. */
export interface ChatSettings {
  readonly system?: string
  /** `undefined` leaves thinking to the model's template. */
  readonly thinking?: boolean
  readonly contextLength: number
  /** The user's own choices; presets fill in the rest. */
  readonly generate: GenerateOptions
}

/** Text of a turn: thinking or answer. */
export interface PartEvent {
  readonly type: 'reasoning' | 'text'
  readonly text: string
}

/** The end of a turn: the session's figures, with the text split into thinking and answer. */
export interface TurnDone extends DoneEvent {
  readonly reasoning: string
}

/** Events of one turn. */
export type TurnEvent = PrefillEvent | TokenEvent | PartEvent | TurnDone

/** Messages and the session behind them. */
export class Conversation {
  readonly #session: Session
  readonly #tokenizer: Tokenizer
  readonly #template: ChatTemplate
  readonly #settings: ChatSettings
  readonly #model: { readonly name: string; readonly parameters: number }
  #messages: ChatMessage[] = []

  private constructor(
    session: Session,
    tokenizer: Tokenizer,
    template: ChatTemplate,
    settings: ChatSettings,
    model: { readonly name: string; readonly parameters: number },
  ) {
    this.#session = session
    this.#tokenizer = tokenizer
    this.#template = template
    this.#settings = settings
    this.#model = model
    this.clear()
  }

  /** Starts a conversation on a model. @throws FakError with a `TOK_` or `TEMPLATE_` code */
  static async start({ opened, prepared }: Runtime, settings: ChatSettings): Promise<Conversation> {
    const tokenizer = await opened.tokenizer()
    const template = await opened.template()
    const { size, holes } = await opened.vocabulary()
    const session = createSession(prepared, {
      contextLength: settings.contextLength,
      vocabSize: size,
      unusedTokens: holes,
      stopTokens: await stopTokens(opened),
      // A control token that a model says in the middle of an answer is no text for a reader.
      tokenizer: { streamDecoder: () => tokenizer.streamDecoder({ skipSpecial: true }) },
    })
    const model = { name: opened.name, parameters: weightSummary(opened).parameters }
    return new Conversation(session, tokenizer, template, settings, model)
  }

  /** Forgets everything but the system message. */
  clear(): void {
    const { system } = this.#settings
    this.#messages = system === undefined ? [] : [{ role: 'system', content: system }]
  }

  /**
   * Answers a message. A turn that ends without any text leaves no trace in the conversation; one that was stopped keeps
   * what it said.
   */
  async *ask(text: string, signal: AbortSignal): AsyncGenerator<TurnEvent, void> {
    const messages = [...this.#messages, { role: 'user', content: text }]
    const { thinking } = this.#settings
    const encode = (enableThinking: boolean | undefined) =>
      encodeChat(this.#tokenizer, this.#template, messages, enableThinking === undefined ? {} : { enableThinking })
    const prompt = encode(thinking)
    const mode = {
      ...this.#model,
      thinks: prompt.reasoningOpen,
      thinksByDefault: thinking === undefined ? prompt.reasoningOpen : encode(undefined).reasoningOpen,
    }
    const options = { ...sampling(mode, this.#settings.generate), signal }
    const said = { reasoning: '', answer: '' }
    const splitter = new ReasoningSplitter({ open: prompt.reasoningOpen })
    const parts = function* (pieces: readonly StreamPart[]): Generator<PartEvent> {
      for (const { type, text } of pieces) {
        said[type] += text
        yield { type: type === 'answer' ? 'text' : type, text }
      }
    }
    for await (const event of this.#session.generate(prompt.ids, options)) {
      if (event.type === 'text') {
        yield* parts(splitter.push(event.text))
      } else if (event.type !== 'done') {
        yield event
      } else {
        yield* parts(splitter.end())
        if (said.answer !== '') {
          const reasoning = said.reasoning === '' ? {} : { reasoning_content: said.reasoning }
          this.#messages = [...messages, { role: 'assistant', content: said.answer, ...reasoning }]
        }
        yield { ...event, text: said.answer, reasoning: said.reasoning }
      }
    }
  }

  /** Frees the session; waits for a running step. */
  dispose(): Promise<void> {
    return this.#session.dispose()
  }
}
