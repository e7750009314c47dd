// A conversation: messages, the session that holds their tokens, and one turn at a time.

import { type ChatMessage, type ChatTemplate, type ChatTool, encodeChat, parseChat } from '@fak/chat'
import { type Grammar, TokenGrammar, TokenTable } from '@fak/grammar'
import { createSession, type GenerateOptions, type ReasoningOptions, type Session } from '@fak/session'
import { FakError, quote } from '@fak/tensor'
import type { Tokenizer } from '@fak/tokenizer'
import { UsageError } from '../errors.js'
import { stopTokens, weightSummary } from '../model/opened.js'
import type { Runtime } from '../runtime.js'
import { sortHeld } from './held.js'
import { fitPrompt, type OnOverflow } from './overflow.js'
import { sampling } from './presets.js'
import { identityOf, type Resumed, resume, save } from './session-file.js'
import { type TurnEvent, turn } from './turn.js'

/** What a chat was asked to be. */
export interface ChatSettings {
  readonly system?: string
  /** `undefined` leaves thinking to the model's template. */
  readonly thinking?: boolean
  /** Most tokens of a thought, 1 or more. */
  readonly reasoningBudget?: number
  /** The form that every answer must have: that of a call where there are tools. */
  readonly form?: Grammar
  /** Functions that the model may call. */
  readonly tools?: readonly ChatTool[]
  readonly contextLength: number
  /** What the model was made for: the largest context. */
  readonly trained: number
  /** What becomes of a prompt that is too long. */
  readonly onOverflow: OnOverflow
  /** The user's own choices; presets fill in the rest. */
  readonly generate: GenerateOptions
  /** Where the conversation is kept: resumed if the file is there, saved after every turn. */
  readonly file?: string
}

/** Where messages begin in ChatML, the format of the family. */
function messageStart(tokenizer: Tokenizer): { messageStart?: number } {
  const id = tokenizer.idOf('<|im_start|>')
  return id === undefined ? {} : { messageStart: id }
}

/** How a thought ends in the templates of the family. */
function reasoningEnd(tokenizer: Tokenizer): ReasoningOptions {
  const end = tokenizer.idOf('</think>')
  if (end === undefined) {
    throw new FakError('CHAT_NO_THINKING', { reason: 'the vocabulary has no token </think>', field: 'tokens' })
  }
  return { end, before: tokenizer.encode('\n'), after: tokenizer.encode('\n\n') }
}

const isSystem = ({ role }: ChatMessage) => role === 'system'

/** Messages and the session behind them. */
export class Conversation {
  readonly #session: Session
  readonly #tokenizer: Tokenizer
  readonly #template: ChatTemplate
  readonly #settings: ChatSettings
  readonly #grammar: TokenGrammar | undefined
  readonly #model: { readonly name: string; readonly parameters: number }
  #messages: readonly ChatMessage[] = []
  #recomputed: FakError | null = null

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
    this.#grammar = settings.form && new TokenGrammar(settings.form, new TokenTable(tokenizer))
    this.#model = model
    this.#messages = this.#opening
  }

  /** Starts a conversation on a model. @throws FakError with a `TOK_` or `TEMPLATE_` code */
  static async start({ opened, prepared, drafter }: Runtime, settings: ChatSettings): Promise<Conversation> {
    const tokenizer = await opened.tokenizer()
    const template = await opened.template()
    const { size, holes } = await opened.vocabulary()
    const { contextLength, file } = settings
    const session = createSession(prepared, {
      contextLength,
      ...(file !== undefined && { identity: await identityOf(opened, tokenizer, template, { size }) }),
      ...(drafter && { drafter: drafter(size) }),
      vocabSize: size,
      unusedTokens: holes,
      stopTokens: await stopTokens(opened),
      ...messageStart(tokenizer),
      // A control token that a model says in the middle of an answer is no text for a reader.
      tokenizer: { streamDecoder: () => tokenizer.streamDecoder({ skipSpecial: true }) },
    })
    const model = { name: opened.name, parameters: weightSummary(opened).parameters }
    const conversation = new Conversation(session, tokenizer, template, settings, model)
    try {
      if (file !== undefined)
        conversation.#goOn(file, await resume(file, session, settings.onOverflow === 'drop-turns'))
    } catch (error) {
      await session.dispose()
      throw error
    }
    return conversation
  }

  /** What stands before the first message of the user. */
  get #opening(): readonly ChatMessage[] {
    const { system } = this.#settings
    return system === undefined ? [] : [{ role: 'system', content: system }]
  }

  #goOn(file: string, resumed: Resumed | null): void {
    if (resumed === null) return
    const { messages, recomputed } = resumed
    const { system } = this.#settings
    if (system !== undefined && messages.length > 0 && messages.find(isSystem)?.content !== system) {
      throw new UsageError(`--system cannot change the conversation in ${quote(file)}; it began with another one`)
    }
    this.#messages = messages.length > 0 ? messages : this.#opening
    this.#recomputed = recomputed
  }

  /** Messages of the user so far. */
  get turns(): number {
    return this.#messages.filter(({ role }) => role === 'user').length
  }

  /** Why the saved state was of no use and the first answer computes everything again; `null` when nothing was lost. */
  get recomputed(): FakError | null {
    return this.#recomputed
  }

  /** Forgets everything but the system message. @throws FakError `WRITE_FAILED` */
  async clear(): Promise<void> {
    this.#messages = this.#messages.filter(isSystem)
    await this.#save()
  }

  async #save(): Promise<void> {
    const { file } = this.#settings
    if (file !== undefined) await save(file, this.#session, this.#messages)
  }

  /**
   * Answers a message. A turn that ends without text and calls leaves no trace in the conversation; one that was stopped keeps
   * what it said. A prompt without the oldest turns is announced first; the conversation keeps them.
   *
   * @throws FakError `CONTEXT_LENGTH_EXCEEDED`, and what rendering and {@link Session.generate} throw
   */
  async *ask(text: string, signal: AbortSignal): AsyncGenerator<TurnEvent, void> {
    const messages = [...this.#messages, { role: 'user', content: text }]
    const { thinking, tools = [], generate } = this.#settings
    const encode = (some: readonly ChatMessage[], enableThinking: boolean | undefined) =>
      encodeChat(this.#tokenizer, this.#template, some, { tools, enableThinking })
    const fitted = fitPrompt(messages, (some) => encode(some, thinking), {
      ...this.#settings,
      maxTokens: generate.maxTokens,
    })
    const { prompt, droppedTurns } = fitted
    const mode = {
      ...this.#model,
      thinks: prompt.reasoningOpen,
      thinksByDefault: thinking === undefined ? prompt.reasoningOpen : encode(fitted.messages, undefined).reasoningOpen,
    }
    const { reasoningBudget: budget } = this.#settings
    const grammar = this.#grammar
    if (budget !== undefined && !prompt.reasoningOpen) {
      throw new FakError('CHAT_NO_THINKING', { reason: 'this model does not think, so it takes no reasoning budget' })
    }
    const follow = prompt.reasoningOpen && (budget !== undefined || grammar !== undefined)
    const reasoning = follow ? { ...reasoningEnd(this.#tokenizer), ...(budget !== undefined && { budget }) } : undefined
    if (droppedTurns > 0) yield { type: 'dropped-turns', turns: droppedTurns }
    const generation = this.#session.generate(prompt.ids, {
      ...sampling(mode, generate),
      ...(grammar && { grammar }),
      ...(reasoning && { reasoning }),
      signal,
    })
    const sorted =
      grammar === undefined || tools.length > 0
        ? parseChat(generation, { tools, open: prompt.reasoningOpen })
        : sortHeld(generation, reasoning?.end ?? null)
    const message = yield* turn(sorted)
    if (message === null) return
    this.#messages = [...messages, message]
    await this.#save()
  }

  /** Frees the session; waits for a running step. */
  dispose(): Promise<void> {
    return this.#session.dispose()
  }
}
