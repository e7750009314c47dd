// A conversation: messages, the session that holds their tokens, and one turn at a time.

import { type ChatMessage, type ChatTemplate, type ChatTool, type EncodedChat, encodeChat, parseChat } from '@fak/chat'
import { type Grammar, TokenGrammar, TokenTable } from '@fak/grammar'
import { createSession, type GenerateOptions, type ReasoningOptions, type Session } from '@fak/session'
import { FakError, quote } from '@fak/tensor'
import type { Tokenizer } from '@fak/tokenizer'
import { UsageError } from '../errors.js'
import { stopTokens, weightSummary } from '../model/opened.js'
import type { Runtime } from '../runtime.js'
import { sortHeld } from './held.js'
import { fitPrompt, type OnOverflow } from './overflow.js'
import { type PresetCase, sampling } from './presets.js'
import { identityOf, type Resumed, resume, save } from './session-file.js'
import { type TurnDone, type TurnEvent, turn } from './turn.js'

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
  /** Whether it can be saved and loaded elsewhere too. */
  readonly savable?: boolean
}

/** What the last answers came to. */
export interface Figures {
  /** The last one; `null` before the first. */
  readonly last: TurnDone | null
  /** Milliseconds from the question to the first token of the last answer; `null` if none came. */
  readonly firstTokenMs: number | null
  /** Tokens of prompt and answer that the context holds. */
  readonly contextTokens: number
  readonly contextLength: number
  readonly answers: number
  /** Generated in all answers. */
  readonly tokens: number
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

const NO_FIGURES = { last: null, firstTokenMs: null, contextTokens: 0, answers: 0, tokens: 0 }
const isUser = ({ role }: ChatMessage) => role === 'user'

/** Messages and the session behind them. */
export class Conversation {
  readonly #session: Session
  readonly #tokenizer: Tokenizer
  readonly #template: ChatTemplate
  readonly #model: { readonly name: string; readonly parameters: number }
  readonly #grammar: TokenGrammar | undefined
  #settings: ChatSettings
  #messages: readonly ChatMessage[] = []
  #recomputed: FakError | null = null
  #figures: Omit<Figures, 'contextLength'> = NO_FIGURES

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

  /**
   * Starts a conversation on a model.
   *
   * @param messages what was said before, on another model; otherwise the file of the settings says it
   * @throws FakError with a `TOK_` or `TEMPLATE_` code
   */
  static async start(
    { opened, prepared, drafter }: Runtime,
    settings: ChatSettings,
    messages?: readonly ChatMessage[],
  ): Promise<Conversation> {
    const tokenizer = await opened.tokenizer()
    const template = await opened.template()
    const { size, holes } = await opened.vocabulary()
    const { contextLength, file, savable = false } = settings
    const identified = file !== undefined || savable
    const session = createSession(prepared, {
      contextLength,
      ...(identified && { identity: await identityOf(opened, tokenizer, template, { size }) }),
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
      if (messages !== undefined) conversation.#messages = messages
      else if (file !== undefined) conversation.#goOn(file, await resume(file, session, conversation.#dropsTurns))
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

  /** What it is asked to be now. */
  get settings(): ChatSettings {
    return this.#settings
  }

  /** Everything said so far. */
  get messages(): readonly ChatMessage[] {
    return this.#messages
  }

  /** Messages of the user so far, as text. */
  get questions(): string[] {
    return this.#messages.filter(isUser).map(({ content }) => (typeof content === 'string' ? content : ''))
  }

  /** Messages of the user so far. */
  get turns(): number {
    return this.questions.length
  }

  /** The system message; `null` without one. */
  get system(): string | null {
    const content = this.#messages.find(isSystem)?.content
    return typeof content === 'string' ? content : null
  }

  /** What the answers came to. */
  get figures(): Figures {
    return { ...this.#figures, contextLength: this.#session.contextLength }
  }

  /** Why the saved state was of no use and the first answer computes everything again; `null` when nothing was lost. */
  get recomputed(): FakError | null {
    return this.#recomputed
  }

  /** How many tokens a text has. */
  countTokens(text: string): number {
    return this.#tokenizer.encode(text).length
  }

  /** Changes how the tokens of the next answers are chosen. */
  setGeneration(generate: GenerateOptions): void {
    this.#settings = { ...this.#settings, generate }
  }

  /** Changes whether the model thinks, and for how long; what is left out is up to the model's template. */
  setThinking(thinking: Pick<ChatSettings, 'thinking' | 'reasoningBudget'>): void {
    const { thinking: _, reasoningBudget: __, ...others } = this.#settings
    this.#settings = { ...others, ...thinking }
  }

  /** Puts another system message in the place of this one; `null` takes it away. @throws FakError `WRITE_FAILED` */
  async setSystem(text: string | null): Promise<void> {
    const { system: _, ...others } = this.#settings
    this.#settings = text === null ? others : { ...others, system: text }
    this.#messages = [...this.#opening, ...this.#messages.filter((message) => !isSystem(message))]
    await this.#save()
  }

  /** Forgets everything but the system message. @throws FakError `WRITE_FAILED` */
  async clear(): Promise<void> {
    this.#messages = this.#messages.filter(isSystem)
    this.#figures = { ...this.#figures, contextTokens: 0 }
    await this.#save()
  }

  async #save(): Promise<void> {
    const { file } = this.#settings
    if (file !== undefined) await this.save(file)
  }

  /** Saves everything in a file. @throws FakError `WRITE_FAILED` */
  async save(file: string): Promise<void> {
    await save(file, this.#session, this.#messages)
  }

  /**
   * Goes on with the conversation in a file instead of this one.
   *
   * @returns why its state was of no use; `null` when it was restored
   * @throws FakError `FILE_NOT_FOUND`, and with a `STATE_` code; the conversation is as it was
   */
  async load(file: string): Promise<FakError | null> {
    const resumed = await resume(file, this.#session, this.#dropsTurns)
    if (resumed === null) throw new FakError('FILE_NOT_FOUND', { file, reason: 'does not exist' })
    const { system: _, ...others } = this.#settings
    this.#messages = resumed.messages
    this.#settings = this.system === null ? others : { ...others, system: this.system }
    this.#figures = NO_FIGURES
    await this.#save()
    return resumed.recomputed
  }

  /** How tokens are chosen for the next answer: what was asked for, and what the model's card says of the rest. */
  sampling(): GenerateOptions {
    const { thinking, generate } = this.#settings
    const messages = [{ role: 'user', content: '' }]
    return sampling(this.#mode(messages, this.#encode(messages, thinking)), generate)
  }

  #encode(messages: readonly ChatMessage[], enableThinking: boolean | undefined) {
    const { tools = [] } = this.#settings
    return encodeChat(this.#tokenizer, this.#template, messages, { tools, enableThinking })
  }

  #mode(messages: readonly ChatMessage[], prompt: EncodedChat): PresetCase {
    const thinks = prompt.reasoningOpen
    const byDefault = this.#settings.thinking === undefined ? prompt : this.#encode(messages, undefined)
    return { ...this.#model, thinks, thinksByDefault: byDefault.reasoningOpen }
  }

  /** Whether a saved conversation may be longer than the context. */
  get #dropsTurns(): boolean {
    return this.#settings.onOverflow === 'drop-turns'
  }

  /**
   * Answers a message. A turn that ends without text and calls leaves no trace in the conversation; one that was stopped keeps
   * what it said.
   *
   * @throws FakError `CONTEXT_LENGTH_EXCEEDED`, and what rendering and {@link Session.generate} throw
   */
  ask(text: string, signal: AbortSignal): AsyncGenerator<TurnEvent, void> {
    return this.#answer([...this.#messages, { role: 'user', content: text }], signal)
  }

  /** Answers the last message again. Nothing is lost when that ends without an answer. */
  again(signal: AbortSignal): AsyncGenerator<TurnEvent, void> {
    return this.#answer(this.#messages.slice(0, this.#messages.findLastIndex(isUser) + 1), signal)
  }

  /**
   * Puts another text in the place of a message of the user, and answers it. What came after it is forgotten once there is an answer.
   *
   * @param number of the message, from 1
   */
  askInstead(number: number, text: string, signal: AbortSignal): AsyncGenerator<TurnEvent, void> {
    let seen = 0
    const at = this.#messages.findIndex((message) => isUser(message) && ++seen === number)
    return this.#answer([...this.#messages.slice(0, at), { role: 'user', content: text }], signal)
  }

  /**
   * Answers a conversation that ends with a message of the user. A prompt without the oldest turns is announced first; the conversation
   * keeps them.
   */
  async *#answer(messages: readonly ChatMessage[], signal: AbortSignal): AsyncGenerator<TurnEvent, void> {
    const asked = performance.now()
    const { thinking, tools = [], reasoningBudget: budget, generate } = this.#settings
    const fitted = fitPrompt(messages, (some) => this.#encode(some, thinking), {
      ...this.#settings,
      maxTokens: generate.maxTokens,
    })
    const { prompt, droppedTurns } = fitted
    const mode = this.#mode(fitted.messages, prompt)
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
    const message = yield* this.#counted(turn(sorted), asked)
    if (message === null) return
    this.#messages = [...messages, message]
    await this.#save()
  }

  /** Passes a turn on, and keeps what it came to. */
  async *#counted<T>(events: AsyncGenerator<TurnEvent, T>, asked: number): AsyncGenerator<TurnEvent, T> {
    let firstTokenMs: number | null = null
    for (;;) {
      const { done, value } = await events.next()
      if (done === true) return value
      if (value.type === 'token') firstTokenMs ??= performance.now() - asked
      if (value.type === 'done') {
        const { answers, tokens } = this.#figures
        this.#figures = {
          ...{ last: value, firstTokenMs, answers: answers + 1, tokens: tokens + value.tokens.length },
          contextTokens: value.promptTokens + value.tokens.length,
        }
      }
      yield value
    }
  }

  /** Frees the session; waits for a running step. */
  dispose(): Promise<void> {
    return this.#session.dispose()
  }
}
