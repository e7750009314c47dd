// Session: one conversation on a prepared Program. Owns the timeline and hands it to one caller at a time.
// It does not load models, does not know templates, and does not own the prepared Program.

import type { PreparedProgram } from '@fak/graph'
import { FakError } from '@fak/tensor'
import type { SessionEvent } from './events.js'
import { type Generation, generateEvents, type SessionTokenizer } from './generation.js'
import { type GenerateOptions, integer, resolveOptions, tokenIds } from './options.js'
import { banTokens } from './sampling/logits.js'
import type { SessionIdentity } from './saved/about.js'
import { encodeContainer } from './saved/container.js'
import { sectionsOf } from './saved/content.js'
import type { SavedSession } from './saved/saved-session.js'
import type { Drafter } from './speculation/drafter.js'
import { StateCache } from './state-cache.js'
import { type PrefixReuse, Timeline } from './timeline.js'

/** What a session has to know about its model. */
export interface SessionOptions {
  /** Most tokens of prompt and answer together. */
  readonly contextLength: number
  /** How many ids are real tokens; rows of the head beyond them never win. Default: all rows. */
  readonly vocabSize?: number
  /** Ids below `vocabSize` that are no tokens: holes of the vocabulary. They never win either. Default none. */
  readonly unusedTokens?: readonly number[]
  /** Ids that end an answer. Default none. */
  readonly stopTokens?: readonly number[]
  /**
   * Id of the token that begins a message, such as `<|im_start|>`. The state is kept where the last two messages of a prompt begin, and
   * at its end, so that a conversation can be changed there. Default: at the end alone.
   */
  readonly messageStart?: number
  /** Where states are kept for later. Sessions may share one. Default: one of its own, of at most 1 GiB. */
  readonly cache?: StateCache
  /** What ties a saved session to its model and its tokenizer. Needed to save and restore. */
  readonly identity?: SessionIdentity
  /** Guesses tokens, so that a step may bring several. It is the session's own, which disposes of it. Default none. */
  readonly drafter?: Drafter
  /** Turns ids into text. Without one a generation has no text and takes no stop strings. */
  readonly tokenizer?: SessionTokenizer
}

/** What a prompt means for the timeline. */
type Plan = Pick<Generation, 'cached' | 'reuse' | 'todo' | 'keepAt'>

/** A user's last message and the answer to it are what is changed most: edited, or answered again. */
const KEPT_MESSAGES = 2
/** Most checkpoints of a saved session. */
const MAX_SAVED_CHECKPOINTS = 256

/** A list of token ids. */
export type TokenList = ArrayLike<number>

/**
 * What to answer: the whole token list of the conversation (the part already held is not computed again), or only what
 * comes after everything held, chosen tokens included.
 */
export type Prompt = TokenList | { readonly append: TokenList }

/** What {@link Session.sync} did. */
export interface SyncResult {
  /** Tokens that were held already. */
  readonly cachedTokens: number
  /** Tokens computed now. */
  readonly computedTokens: number
  /** Where the cached tokens came from, and where the prompt left what was held. */
  readonly reuse: PrefixReuse
}

/** Choices for {@link Session.save}. */
export interface SaveOptions {
  /** Most places to save that the conversation can come back to, the latest ones. Each costs the recurrent arrays. Default 2. */
  readonly checkpoints?: number
  /** More to save beside it, by name, such as the messages. */
  readonly extra?: Readonly<Record<string, Uint8Array>>
}

/** Choices for {@link Session.restore}. */
export interface RestoreOptions {
  /**
   * Take the tokens alone, to be computed again, when the state is another model's, another arithmetic's or held in other types. Otherwise
   * that is an error. Default false.
   */
  readonly replay?: boolean
}

/** What {@link Session.restore} did. */
export interface RestoreResult {
  /** Tokens held now. */
  readonly tokens: number
  /** How many of them need no computing. */
  readonly cachedTokens: number
  /** Places that the conversation can come back to. */
  readonly checkpoints: number
  /** Why the state was of no use and the tokens wait to be computed again; `null` when it was restored. */
  readonly replayed: FakError | null
}

/** Checkpoints that are saved: where the last message of the user begins, and where the answer does. */
const SAVED_CHECKPOINTS = 2

/** Logits of consecutive positions: `logits` is `[rows, width]`, row 0 predicts the token after `position`. */
export interface EvaluatedRows {
  readonly position: number
  readonly rows: number
  readonly width: number
  readonly logits: Float32Array
}

/**
 * Starts a session at position 0.
 *
 * @throws FakError `PROGRAM_NO_LOGITS` when the Program has no output `logits`; `PARAM_OUT_OF_RANGE`,
 * `TOKEN_OUT_OF_RANGE` for options that do not fit it
 */
export function createSession(prepared: PreparedProgram, options: SessionOptions): Session {
  return new Session(prepared, options)
}

/**
 * One conversation. All methods that compute refuse to run beside each other with `SESSION_BUSY`. After an error of the executor the
 * session can be used on: where that cost the state (`SequenceState.lost`), the next call computes the held tokens again.
 */
export class Session {
  /** Most tokens of prompt and answer together. */
  readonly contextLength: number
  /** How many ids are real tokens. */
  readonly vocabSize: number
  readonly #width: number
  readonly #unusedTokens: Uint32Array
  readonly #stopTokens: readonly number[]
  readonly #tokenizer: SessionTokenizer | undefined
  readonly #prepared: PreparedProgram
  readonly #drafter: Drafter | null
  readonly #identity: SessionIdentity | undefined
  readonly #timeline: Timeline
  readonly #messageStart: number | undefined
  readonly #cache: StateCache
  readonly #ownsCache: boolean
  #busy = false
  #disposed = false

  /** See {@link createSession}. */
  constructor(prepared: PreparedProgram, options: SessionOptions) {
    this.#width = logitsWidth(prepared)
    this.contextLength = integer('contextLength', options.contextLength, 1, Number.MAX_SAFE_INTEGER)
    this.vocabSize = integer('vocabSize', options.vocabSize ?? this.#width, 1, this.#width)
    this.#unusedTokens = tokenIds('unusedTokens', options.unusedTokens ?? [], this.vocabSize)
    this.#stopTokens = [...tokenIds('stopTokens', options.stopTokens ?? [], this.vocabSize)]
    this.#tokenizer = options.tokenizer
    this.#prepared = prepared
    const { messageStart, cache, identity } = options
    this.#identity = identity
    this.#messageStart =
      messageStart === undefined ? undefined : tokenIds('messageStart', [messageStart], this.vocabSize)[0]
    if (cache !== undefined && !cache.serves(prepared)) {
      throw new FakError('STATE_MISMATCH', { reason: 'the cache belongs to another prepared program', field: 'cache' })
    }
    this.#cache = cache ?? new StateCache(prepared)
    this.#ownsCache = cache === undefined
    this.#drafter = options.drafter ?? null
    this.#timeline = new Timeline(prepared, this.#cache, this.#drafter)
  }

  /** Every token so far: prompts, answers, and those that no step has taken yet, as the last chosen token. */
  get tokens(): number[] {
    return this.#timeline.tokens
  }

  /** How many tokens the state stands for. */
  get position(): number {
    return this.#timeline.computed
  }

  /** Bytes of state held now. */
  get byteLength(): number {
    return this.#timeline.byteLength
  }

  /**
   * Brings the state to the end of `tokens`. Only what no held or kept state has is computed. An abort keeps the steps that were
   * finished.
   *
   * @throws FakError `PROMPT_EMPTY`, `TOKEN_OUT_OF_RANGE`, `CONTEXT_LENGTH_EXCEEDED`, `ABORTED`, `SESSION_BUSY`,
   * `DISPOSED`, and what {@link PreparedProgram.run} throws
   */
  async sync(
    tokens: TokenList,
    options: { signal?: AbortSignal; onProgress?: (done: number, total: number) => void } = {},
  ): Promise<SyncResult> {
    return this.#alone(async () => {
      const { cached, reuse, todo, keepAt } = await this.#plan(tokens)
      for await (const { done } of this.#timeline.compute(todo, { rows: 'last', signal: options.signal, keepAt })) {
        options.onProgress?.(done, todo.length)
      }
      return { cachedTokens: cached, computedTokens: todo.length, reuse }
    })
  }

  /**
   * Takes one more token after everything held and returns the logits of the next, `[vocabSize]`; those of ids that are no tokens are the
   * least that a float can be.
   *
   * @throws FakError as {@link Session.sync}
   */
  async step(token: number, options: { signal?: AbortSignal } = {}): Promise<Float32Array> {
    return this.#alone(async () => {
      const { todo } = await this.#plan({ append: [token] })
      let last: Float32Array | undefined
      for await (const { logits } of this.#timeline.compute(todo, { rows: 'last', signal: options.signal }))
        last = logits
      const row = last!.subarray(0, this.vocabSize)
      banTokens(row, this.#unusedTokens)
      return row
    })
  }

  /**
   * Answers a prompt. Nothing is computed until the iterator is pulled, and never more than the pulled event needs; leaving
   * the loop early ends the generation and keeps what was computed. The `signal` ends it within a step with finish reason
   * `aborted`.
   *
   * @throws FakError at once: `UNKNOWN_OPTION`, `PARAM_OUT_OF_RANGE`, `TOKEN_OUT_OF_RANGE`. While iterating: as
   * {@link Session.sync} except `ABORTED`; `PROMPT_INCOMPLETE` when there is nothing to append and the held tokens are the
   * beginning of a prompt that was stopped; `NON_FINITE` when the logits are not finite numbers; `EVERY_TOKEN_BANNED`;
   * `CONSTRAINT_DEAD_END` when no token goes on with what the `grammar` asks for.
   */
  generate(prompt: Prompt, options: GenerateOptions = {}): AsyncGenerator<SessionEvent, void> {
    const tokenizer = this.#tokenizer
    const resolved = resolveOptions(options, {
      vocabSize: this.vocabSize,
      stopTokens: this.#stopTokens,
      guesses: this.#drafter?.most ?? 0,
      textOf: tokenizer && ((id) => textOfToken(tokenizer, id)),
    })
    const decoder = tokenizer?.streamDecoder()
    const { contextLength, vocabSize } = this
    return this.#aloneWhileRead(async () =>
      generateEvents({
        ...(await this.#plan(prompt)),
        timeline: this.#timeline,
        contextLength,
        vocabSize,
        unusedTokens: this.#unusedTokens,
        drafter: this.#drafter,
        decoder,
        options: resolved,
      }),
    )
  }

  /**
   * Runs `tokens` from position 0 and yields the logits of every position, as wide as the head.
   *
   * @throws FakError as {@link Session.sync}
   */
  evaluate(tokens: TokenList, options: { signal?: AbortSignal } = {}): AsyncGenerator<EvaluatedRows, void> {
    const timeline = this.#timeline
    const width = this.#width
    return this.#aloneWhileRead(async () => {
      const todo = this.#checked(tokens, 'tokens')
      timeline.reset()
      return (async function* () {
        let position = 0
        for await (const { done, logits } of timeline.compute(todo, { rows: 'all', signal: options.signal })) {
          yield { position, rows: done - position, width, logits }
          position = done
        }
      })()
    })
  }

  /**
   * The bytes of a file that {@link Session.restore} takes: tokens, state and the latest kept places. The session is busy until the
   * iterator ends. `@fak/session/node` writes it to a file that is never half there.
   *
   * @throws FakError `PARAM_OUT_OF_RANGE`, `IDENTITY_MISSING`, `STATE_BAD_SECTION` for a name in `extra` of more than 66 bytes,
   * `STATE_LOST` after a step that cost the state and before the next one, `SESSION_BUSY`, `DISPOSED`
   */
  save(options: SaveOptions = {}): AsyncGenerator<Uint8Array, void> {
    const { extra = {} } = options
    const checkpoints = integer('checkpoints', options.checkpoints ?? SAVED_CHECKPOINTS, 0, MAX_SAVED_CHECKPOINTS)
    const identity = this.#identified()
    return this.#aloneWhileRead(async () =>
      encodeContainer(sectionsOf(this.#timeline.content(checkpoints), this.#prepared, identity, extra)),
    )
  }

  /**
   * Puts a saved session in the place of this one. Everything is read and checked first: when it is refused, this session is as it was.
   * What was held is kept as when another prompt takes its place.
   *
   * @throws FakError with a `STATE_` code naming file, section and offset (`STATE_MODEL_MISMATCH`, `STATE_TOKENIZER_MISMATCH`,
   * `STATE_ARITHMETIC_MISMATCH`, `STATE_SHAPE_MISMATCH`, `STATE_TOO_LONG`, `STATE_BAD_TOKEN`, `STATE_CHECKSUM`, `STATE_INCONSISTENT`,
   * `STATE_MISSING_SECTION`, `STATE_UNKNOWN_SECTION`, `STATE_NON_FINITE`); `IDENTITY_MISSING`, `OUT_OF_MEMORY`, `SESSION_BUSY`,
   * `DISPOSED`; the source's own
   */
  restore(saved: SavedSession, { replay = false }: RestoreOptions = {}): Promise<RestoreResult> {
    const identity = this.#identified()
    return this.#alone(async () => {
      const { contextLength, vocabSize } = this
      const target = { prepared: this.#prepared, identity, contextLength, vocabSize, width: this.#width }
      const { content, replayed } = await saved.content(target, replay)
      await this.#timeline.adopt(content)
      const { tokens, computed, checkpoints } = content
      return { tokens: tokens.length, cachedTokens: computed, checkpoints: checkpoints.length, replayed }
    })
  }

  /** Back to no tokens. Kept states stay, so that an earlier prompt need not be computed again. @throws FakError `SESSION_BUSY`, `DISPOSED` */
  reset(): void {
    this.#enter()
    try {
      this.#timeline.reset()
    } finally {
      this.#busy = false
    }
  }

  /** Waits for the running step, then frees the state; a generation that is under way ends with `DISPOSED`. Safe to call twice. */
  async dispose(): Promise<void> {
    this.#disposed = true
    await this.#timeline.dispose()
    if (this.#ownsCache) await this.#cache.clear()
  }

  /** `await using session = createSession(…)`: the same as {@link Session.dispose}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose()
  }

  /** What of the prompt needs no computing, what does, and after how much of it the state is to be kept. */
  async #plan(prompt: Prompt): Promise<Plan> {
    this.#timeline.settle()
    if (!('append' in prompt)) {
      const tokens = this.#checked(prompt, 'tokens')
      const reuse = await this.#timeline.keepPrefixOf(tokens)
      const cached = this.#timeline.computed
      const todo = tokens.subarray(cached)
      return { cached, reuse, todo, keepAt: this.#keepAt(todo) }
    }
    const { waiting, computed, complete, length } = this.#timeline
    const added = this.#checked(prompt.append, 'append', length)
    if (added.length === 0 && !complete) {
      const reason = 'the held tokens end in the middle of a prompt that was stopped; pass the whole prompt again'
      throw new FakError('PROMPT_INCOMPLETE', { reason, field: 'append' })
    }
    const todo = Uint32Array.from([...waiting, ...added])
    const reuse = { from: computed === 0 ? 'nothing' : 'held', brokeAt: null } as const
    return { cached: computed, reuse, todo, keepAt: added.length > 1 ? this.#keepAt(todo) : [] }
  }

  /** @param before Tokens that stand before the given ones. */
  #checked(given: TokenList, field: string, before = 0): Uint32Array {
    const tokens = tokenIds(field, given, this.vocabSize)
    const total = tokens.length + before
    if (total === 0)
      throw new FakError('PROMPT_EMPTY', { reason: 'there is no token to continue from', field: 'tokens' })
    if (total > this.contextLength) {
      const reason = `the prompt has ${total} tokens and the context holds ${this.contextLength}; shorten it, or take a larger context`
      throw new FakError('CONTEXT_LENGTH_EXCEEDED', { reason, field: 'contextLength' })
    }
    return tokens
  }

  /** The beginnings of the last messages, and the end. */
  #keepAt(todo: Uint32Array): readonly number[] {
    if (todo.length === 0 || this.#cache.maxBytes === 0) return []
    const starts: number[] = []
    if (this.#messageStart !== undefined) {
      for (let i = todo.length - 1; i >= 0 && starts.length < KEPT_MESSAGES; i--) {
        if (todo[i] === this.#messageStart) starts.unshift(i)
      }
    }
    return [...starts, todo.length]
  }

  #identified(): SessionIdentity {
    if (this.#identity !== undefined) return this.#identity
    throw new FakError('IDENTITY_MISSING', {
      reason: 'a session is saved and restored under the identity of its model and tokenizer, and has none',
      field: 'identity',
    })
  }

  #enter(): void {
    if (this.#disposed) throw new FakError('DISPOSED', { reason: 'the session was disposed' })
    if (this.#busy) {
      throw new FakError('SESSION_BUSY', {
        reason: 'another call is using this session; await it, or return() its iterator',
      })
    }
    this.#busy = true
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    this.#enter()
    try {
      return await work()
    } finally {
      this.#busy = false
    }
  }

  async *#aloneWhileRead<T>(work: () => Promise<AsyncGenerator<T, void>>): AsyncGenerator<T, void> {
    this.#enter()
    try {
      yield* await work()
    } finally {
      this.#busy = false
    }
  }
}

/** What a token says when nothing comes before or after it. */
function textOfToken(tokenizer: SessionTokenizer, id: number): string {
  const decoder = tokenizer.streamDecoder()
  return decoder.push(id) + decoder.end()
}

function logitsWidth({ program }: PreparedProgram): number {
  const id = program.outputs.logits
  const value = id === undefined ? undefined : program.values[id]
  if (value?.kind !== 'activation') {
    throw new FakError('PROGRAM_NO_LOGITS', { reason: 'the Program has no output named "logits"', field: 'outputs' })
  }
  return value.shape[1]
}
