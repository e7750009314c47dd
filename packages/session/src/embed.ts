// One vector for a text: what the model makes of its tokens before it turns them into logits, pooled.

import type { PreparedProgram } from '@fak/graph'
import { FakError, quote } from '@fak/tensor'
import { integer, tokenIds } from './options.js'
import type { TokenList } from './session.js'
import { nextTurn } from './turn.js'

/** Ways to make one row of many. */
const POOLINGS = ['last', 'mean'] as const

/** Choices for {@link embed}. */
export interface EmbedOptions {
  /** `last`, the row of the last token, which has seen all others; or `mean`, the mean of all rows. Default `last`. */
  readonly pooling?: (typeof POOLINGS)[number]
  /** Whether the vector is brought to length 1, so that a dot product is the cosine. Default true. */
  readonly normalize?: boolean
  /** Most tokens. Default: no limit but memory; a model has seen no more than its own context length. */
  readonly contextLength?: number
  readonly signal?: AbortSignal
}

/**
 * The embedding of a token list, `[d]`: its hidden rows after the model's final norm (the last of `hidden_states` in transformers), pooled. The
 * head is not computed. Sums are in float64 in the order of the tokens, so the result does not depend on how many go into a step. The
 * sequence is a fresh one, disposed of at the end however it ends; several calls may be under way at once.
 *
 * A model made for embeddings says which pooling it wants and often which token ends the text; neither is added here.
 *
 * @param prepared Its Program must have the output `hidden` `[T, d]`: `model.program({ hidden: true })`.
 * @throws FakError `PROGRAM_NO_HIDDEN`, `UNKNOWN_OPTION`, `PARAM_OUT_OF_RANGE`, `PROMPT_EMPTY`, `TOKEN_OUT_OF_RANGE`, `CONTEXT_LENGTH_EXCEEDED`,
 * `ABORTED`, `NON_FINITE`; `EMBEDDING_ZERO` when a vector of zeros should get length 1; what {@link PreparedProgram.run} throws
 */
export async function embed(
  prepared: PreparedProgram,
  tokens: TokenList,
  options: EmbedOptions = {},
): Promise<Float32Array> {
  const { pooling, normalize, contextLength, signal } = resolve(options)
  const width = hiddenWidth(prepared)
  const ids = tokenIds('tokens', tokens, MAX_IDS)
  if (ids.length === 0) throw new FakError('PROMPT_EMPTY', { reason: 'there is no token to embed', field: 'tokens' })
  if (ids.length > contextLength) {
    const reason = `there are ${ids.length} tokens and the context holds ${contextLength}; shorten the text, or embed it in parts`
    throw new FakError('CONTEXT_LENGTH_EXCEEDED', { reason, field: 'contextLength' })
  }
  const pooled = new Float64Array(width)
  const state = prepared.createState()
  try {
    for (let start = 0; start < ids.length; start += prepared.maxTokens) {
      if (signal?.aborted) throw new FakError('ABORTED', { reason: 'stopped by the caller' })
      const step = ids.subarray(start, start + prepared.maxTokens)
      const { outputs } = await prepared.run({ state, tokens: step, rows: 0, ...(signal && { signal }) })
      const hidden = outputs.hidden!
      if (pooling === 'mean') addRows(pooled, hidden)
      else if (start + step.length === ids.length) pooled.set(hidden.subarray(hidden.length - width))
      // An executor that computes on this thread would starve timers and input.
      await nextTurn()
    }
  } finally {
    await state.dispose()
  }
  return finish(pooled, pooling === 'mean' ? ids.length : 1, normalize)
}

/** Ids are 32 bits wide; which of them are tokens, the executor knows. */
const MAX_IDS = 2 ** 32

const OPTIONS = new Set(['pooling', 'normalize', 'contextLength', 'signal'])

function resolve(options: EmbedOptions) {
  const unknown = Object.keys(options).find((name) => !OPTIONS.has(name))
  if (unknown !== undefined) {
    throw new FakError('UNKNOWN_OPTION', { reason: `no option ${quote(unknown)}`, field: quote(unknown) })
  }
  const { pooling = 'last', normalize = true, contextLength = Number.MAX_SAFE_INTEGER, signal } = options
  if (!POOLINGS.includes(pooling)) {
    const reason = `pooling must be ${POOLINGS.join(' or ')}, got ${quote(String(pooling))}`
    throw new FakError('PARAM_OUT_OF_RANGE', { reason, field: 'pooling' })
  }
  if (typeof normalize !== 'boolean') {
    throw new FakError('PARAM_OUT_OF_RANGE', { reason: 'normalize must be true or false', field: 'normalize' })
  }
  return {
    pooling,
    normalize,
    signal,
    contextLength: integer('contextLength', contextLength, 1, Number.MAX_SAFE_INTEGER),
  }
}

function hiddenWidth({ program }: PreparedProgram): number {
  const id = program.outputs.hidden
  const value = id === undefined ? undefined : program.values[id]
  if (value?.kind !== 'activation' || value.shape[0] !== 'T') {
    const reason = 'the Program has no output "hidden" with a row for every token; record it with { hidden: true }'
    throw new FakError('PROGRAM_NO_HIDDEN', { reason, field: 'outputs' })
  }
  return Number(value.shape[1])
}

/** Adds every row of `[T, d]` to the sum. */
function addRows(sum: Float64Array, rows: Float32Array): void {
  for (let start = 0; start < rows.length; start += sum.length) {
    for (let i = 0; i < sum.length; i++) sum[i]! += rows[start + i]!
  }
}

function finish(sum: Float64Array, count: number, normalize: boolean): Float32Array {
  const squares = sum.reduce((total, x) => total + (x / count) ** 2, 0)
  if (!Number.isFinite(squares)) {
    throw new FakError('NON_FINITE', { reason: 'the hidden rows are not finite numbers', field: 'hidden' })
  }
  if (normalize && squares === 0) {
    throw new FakError('EMBEDDING_ZERO', { reason: 'a vector of zeros has no direction', field: 'normalize' })
  }
  const by = count * (normalize ? Math.sqrt(squares) : 1)
  return Float32Array.from(sum, (x) => x / by)
}
