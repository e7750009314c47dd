// A conversation: messages, the session that holds their tokens, and one turn at a time.

import { type ChatMessage, type ChatTemplate, type ChatTool, encodeChat } from '@fak/chat'
import { createSession, type GenerateOptions, type Session } from '@fak/session'
import type { Tokenizer } from '@fak/tokenizer'
import { stopTokens, weightSummary } from '../model/opened.js'
import type { Runtime } from '../runtime.js'
import { sampling } from './presets.js'
import { type TurnEvent, turn } from './turn.js'

/** What a chat was asked to be. */
export interface ChatSettings {
  readonly system?: string
  /** `undefined` leaves thinking to the model's template. */
  readonly thinking?: boolean
  /** Functions that the model may call. */
  readonly tools?: readonly ChatTool[]
  readonly contextLength: number
  /** The user's own choices; presets fill in the rest. */
  readonly generate: GenerateOptions
}

/** Where messages begin in ChatML, the format of the family. */
function messageStart(tokenizer: Tokenizer): { messageStart?: number } {
  const id = tokenizer.idOf('<|im_start|>')
  return id === undefined ? {} : { messageStart: id }
}

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
      ...messageStart(tokenizer),
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
   * Answers a message. A turn that ends without text and calls leaves no trace in the conversation; one that was stopped keeps
   * what it said.
   */
  async *ask(text: string, signal: AbortSignal): AsyncGenerator<TurnEvent, void> {
    const messages = [...this.#messages, { role: 'user', content: text }]
    const { thinking, tools = [] } = this.#settings
    const encode = (enableThinking: boolean | undefined) =>
      encodeChat(this.#tokenizer, this.#template, messages, { tools, enableThinking })
    const prompt = encode(thinking)
    const mode = {
      ...this.#model,
      thinks: prompt.reasoningOpen,
      thinksByDefault: thinking === undefined ? prompt.reasoningOpen : encode(undefined).reasoningOpen,
    }
    const options = { ...sampling(mode, this.#settings.generate), signal }
    const generation = this.#session.generate(prompt.ids, options)
    const message = yield* turn(generation, { tools, open: prompt.reasoningOpen })
    if (message !== null) this.#messages = [...messages, message]
  }

  /** Frees the session; waits for a running step. */
  dispose(): Promise<void> {
    return this.#session.dispose()
  }
}
