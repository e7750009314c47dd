// What a saved session says of itself: whose state it is, and what the sections hold. One JSON section.

import type { StateArray } from '@fak/graph'
import { dtypes, invalidUtf8At, quote } from '@fak/tensor'
import type { Container } from './container.js'

/** Name of the section. */
export const ABOUT = 'about'
/** Largest text of it: a hundred layers take some tens of kilobytes. */
const MAX_ABOUT_BYTES = 4 * 2 ** 20

/**
 * Whose state it is. Two equal ones continue each other's states to the same bits; anything else is computed again from the tokens, and
 * with another tokenizer the tokens mean nothing.
 */
export interface SessionIdentity {
  /** Of configuration and weights: `modelFingerprint`. */
  readonly model: string
  /** Of whatever makes tokens from a conversation: tokenizer and chat template. */
  readonly tokenizer: string
}

/** A place that the conversation can come back to. */
export interface SavedCheckpoint {
  /** How many of the tokens it stands for. */
  readonly tokens: number
  /** Whether the logits after them are there. */
  readonly row: boolean
}

/** The content of the section. */
export interface About {
  readonly identity: SessionIdentity
  /** `PreparedProgram.arithmetic` of the executor. */
  readonly arithmetic: string
  /** All tokens, computed or waiting to be. */
  readonly tokens: number
  /** How many of them the state stands for. */
  readonly computed: number
  /** Whether the tokens end in the middle of a prompt. */
  readonly cut: boolean
  /** Whether the logits after the computed tokens are there. */
  readonly row: boolean
  readonly arrays: readonly StateArray[]
  /** In order of their tokens. */
  readonly checkpoints: readonly SavedCheckpoint[]
}

/** Bytes of the section. */
export function encodeAbout(about: About): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(about))
}

/** Reads and checks the section. @throws FakError `STATE_BAD_SECTION`, `STATE_INCONSISTENT`, and those of {@link Container.read} */
export async function readAbout(container: Container): Promise<About> {
  const { length } = container.section(ABOUT)
  if (length > MAX_ABOUT_BYTES) {
    throw container.failure('STATE_BAD_SECTION', `the section has ${length} bytes, allowed: ${MAX_ABOUT_BYTES}`, ABOUT)
  }
  const about = aboutOf(parse(await container.read(ABOUT)))
  if (about === null) {
    throw container.failure('STATE_BAD_SECTION', 'the section does not say what a saved session has to say', ABOUT)
  }
  const { tokens, computed, checkpoints } = about
  const inconsistent = (reason: string) => container.failure('STATE_INCONSISTENT', reason, ABOUT)
  if (computed > tokens) throw inconsistent(`${computed} computed tokens of ${tokens}`)
  let before = 0
  for (const { tokens: at } of checkpoints) {
    if (at <= before || at > computed) {
      throw inconsistent(
        `a checkpoint at token ${at} does not lie between ${before} and ${computed}, the computed tokens`,
      )
    }
    before = at
  }
  return about
}

function parse(bytes: Uint8Array): unknown {
  if (invalidUtf8At(bytes) !== -1) return undefined
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return undefined
  }
}

/** Exactly the fields of an {@link About}, or `null`. */
function aboutOf(value: unknown): About | null {
  const ok =
    hasExactly(value, ['identity', 'arithmetic', 'tokens', 'computed', 'cut', 'row', 'arrays', 'checkpoints']) &&
    hasExactly(value.identity, ['model', 'tokenizer']) &&
    isText(value.identity.model) &&
    isText(value.identity.tokenizer) &&
    isText(value.arithmetic) &&
    isCount(value.tokens) &&
    isCount(value.computed) &&
    typeof value.cut === 'boolean' &&
    typeof value.row === 'boolean' &&
    Array.isArray(value.arrays) &&
    value.arrays.every(isStateArray) &&
    Array.isArray(value.checkpoints) &&
    value.checkpoints.every(
      (item) => hasExactly(item, ['tokens', 'row']) && isCount(item.tokens) && typeof item.row === 'boolean',
    )
  return ok ? (value as unknown as About) : null
}

const isText = (value: unknown): value is string => typeof value === 'string'
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

function isStateArray(value: unknown): boolean {
  return (
    hasExactly(value, ['label', 'kind', 'dtype', 'shape']) &&
    isText(value.label) &&
    (value.kind === 'recurrent' || value.kind === 'kv') &&
    isText(value.dtype) &&
    Object.hasOwn(dtypes, value.dtype) &&
    Array.isArray(value.shape) &&
    value.shape.every(isCount)
  )
}

function hasExactly<K extends string>(value: unknown, keys: readonly K[]): value is Record<K, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const found = Object.keys(value)
  return found.length === keys.length && keys.every((key) => Object.hasOwn(value, key))
}

/** An array for a message, e.g. `kv "layers.3.self_attn.k" F16 [512]`. */
export function describeArray({ kind, label, dtype, shape }: StateArray): string {
  return `${kind} ${quote(label)} ${dtype} [${shape.join(', ')}]`
}
