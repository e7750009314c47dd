// From the sections of a saved session to states, everything checked before anything is replaced.

import { type PreparedProgram, type SequenceState, type StateArray, stateArrayBytes } from '@fak/graph'
import { dequantize, FakError } from '@fak/tensor'
import type { KeptState } from '../state-cache.js'
import { ABOUT, type About, describeArray, type SessionIdentity } from './about.js'
import type { Container } from './container.js'
import { decodeTokens, EXTRA, section, type TimelineContent } from './content.js'
import { allFinite } from './finite.js'

/** What a saved session must fit. */
export interface RestoreTarget {
  readonly prepared: PreparedProgram
  readonly identity: SessionIdentity
  readonly contextLength: number
  readonly vocabSize: number
  /** Logits of one position. */
  readonly width: number
}

/** Differences that leave the tokens as good as they were: computing them again gives what the state would have been. */
const REPLAYABLE = ['STATE_MODEL_MISMATCH', 'STATE_ARITHMETIC_MISMATCH', 'STATE_SHAPE_MISMATCH']

/**
 * What a saved session holds, as it would be here; or its tokens alone, and why, when `replay` allows it.
 *
 * @throws FakError with a `STATE_` code; what {@link PreparedProgram.restoreState} throws
 */
export async function restoredContent(
  container: Container,
  about: About,
  target: RestoreTarget,
  replay: boolean,
): Promise<{ content: TimelineContent; replayed: FakError | null }> {
  refuseUnknownSections(container, about)
  if (about.identity.tokenizer !== target.identity.tokenizer) {
    throw differs(container, 'TOKENIZER', 'tokenizer', about.identity.tokenizer, target.identity.tokenizer)
  }
  const tokens = await readTokens(container, about, target)
  try {
    checkFit(container, about, target)
  } catch (error) {
    if (!(replay && REPLAYABLE.some((code) => FakError.isInstance(error, code)))) throw error
    const state = target.prepared.createState()
    const content = { tokens, computed: 0, cut: about.cut || about.row, row: null, state, checkpoints: [] }
    return { content, replayed: error as FakError }
  }
  return { content: await readContent(container, about, target, tokens), replayed: null }
}

/** A section that there must be: the array that it holds at a position, or `null` for a row of logits. */
interface Expected {
  readonly name: string
  readonly array: StateArray | null
  readonly position: number
}

/** The sections of the states that a saved session says it has. */
function* expectedSections({ row, arrays, computed, checkpoints }: About): Generator<Expected, void> {
  if (row) yield { name: section.row, array: null, position: computed }
  for (const array of arrays) yield { name: section.array(array.label), array, position: computed }
  for (const [c, { tokens: position, row }] of checkpoints.entries()) {
    if (row) yield { name: section.checkpointRow(c), array: null, position }
    for (const array of arrays) {
      if (array.kind === 'recurrent') yield { name: section.checkpointArray(c, array.label), array, position }
    }
  }
}

function refuseUnknownSections(container: Container, about: About): void {
  const known = new Set<string>([ABOUT, section.tokens])
  for (const { name } of expectedSections(about)) known.add(name)
  for (const { name, optional } of container.sections.values()) {
    if (known.has(name) || optional || name.startsWith(EXTRA)) continue
    throw container.failure('STATE_UNKNOWN_SECTION', 'this build does not know the section, and may not skip it', name)
  }
}

function differs(container: Container, what: string, name: string, saved: string, here: string): FakError {
  return container.failure(`STATE_${what}_MISMATCH`, `saved with ${name} ${saved}, this is ${here}`, ABOUT)
}

async function readTokens(container: Container, about: About, target: RestoreTarget): Promise<number[]> {
  const { length } = container.section(section.tokens)
  if (about.tokens > target.contextLength) {
    const reason = `it holds ${about.tokens} tokens, the context of this session ${target.contextLength}`
    throw container.failure('STATE_TOO_LONG', reason, section.tokens)
  }
  if (length !== 4 * about.tokens) {
    throw container.failure('STATE_INCONSISTENT', `${length} bytes for ${about.tokens} tokens`, section.tokens)
  }
  const tokens = decodeTokens(await container.read(section.tokens))
  const bad = tokens.findIndex((id) => id >= target.vocabSize)
  if (bad === -1) return [...tokens]
  const reason = `token ${bad} has id ${tokens[bad]}, the vocabulary has ${target.vocabSize}`
  throw container.failure('STATE_BAD_TOKEN', reason, section.tokens)
}

/** Whose state it is, and whether all of it is there. */
function checkFit(container: Container, about: About, { prepared, identity, width }: RestoreTarget): void {
  if (about.identity.model !== identity.model) {
    throw differs(container, 'MODEL', 'model', about.identity.model, identity.model)
  }
  if (about.arithmetic !== prepared.arithmetic) {
    throw differs(container, 'ARITHMETIC', 'arithmetic', `"${about.arithmetic}"`, `"${prepared.arithmetic}"`)
  }
  const { stateArrays } = prepared
  const most = Math.max(stateArrays.length, about.arrays.length)
  for (let i = 0; i < most; i++) {
    const [saved, here] = [about.arrays[i], stateArrays[i]].map((array) => (array ? describeArray(array) : 'nothing'))
    if (saved === here) continue
    throw container.failure('STATE_SHAPE_MISMATCH', `state ${i} is ${saved}, here it is ${here}`, ABOUT)
  }
  for (const { name, array, position } of expectedSections(about)) {
    const { length } = container.section(name)
    const bytes = array === null ? 4 * width : stateArrayBytes(array, position)
    if (length === bytes) continue
    const reason = `the section has ${length} bytes, for ${about.computed} computed tokens it takes ${bytes}`
    throw container.failure('STATE_INCONSISTENT', reason, name)
  }
}

async function readContent(
  container: Container,
  about: About,
  { prepared }: RestoreTarget,
  tokens: number[],
): Promise<TimelineContent> {
  const { stateArrays } = prepared
  const made: SequenceState[] = []
  const restore = async (position: number, name: (label: string) => string, caches?: SequenceState) => {
    const state = await prepared.restoreState({
      position,
      ...(caches && { caches }),
      read: (i) => readFinite(container, name(stateArrays[i]!.label), stateArrays[i]!),
    })
    made.push(state)
    return state
  }
  try {
    const row = about.row ? await readRow(container, section.row) : null
    const state = await restore(about.computed, section.array)
    const checkpoints: KeptState[] = []
    for (const [c, { tokens: position, row }] of about.checkpoints.entries()) {
      checkpoints.push({
        tokens: Uint32Array.from(tokens.slice(0, position)),
        row: row ? await readRow(container, section.checkpointRow(c)) : null,
        state: await restore(position, (label) => section.checkpointArray(c, label), state),
      })
    }
    return { tokens, computed: about.computed, cut: about.cut, row, state, checkpoints }
  } catch (error) {
    await Promise.all(made.map((state) => state.dispose()))
    throw error
  }
}

async function readRow(container: Container, name: string): Promise<Float32Array> {
  const bytes = await readFinite(container, name, { dtype: 'F32' })
  return dequantize('F32', bytes, bytes.length / 4)
}

async function readFinite(
  container: Container,
  name: string,
  { dtype }: Pick<StateArray, 'dtype'>,
): Promise<Uint8Array> {
  const bytes = await container.read(name)
  if (allFinite(dtype, bytes)) return bytes
  throw container.failure('STATE_NON_FINITE', 'the section has a value that is not a finite number', name)
}
