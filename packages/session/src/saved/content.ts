// What a session has that is worth saving, and the sections that hold it.

import type { PreparedProgram, SequenceState } from '@fak/graph'
import { quantize } from '@fak/tensor'
import type { KeptState } from '../state-cache.js'
import { ABOUT, type About, encodeAbout, type SessionIdentity } from './about.js'
import type { SectionContent } from './container.js'

/** Names of the sections. */
export const section = {
  tokens: 'tokens',
  row: 'row',
  array: (label: string) => `state/${label}`,
  checkpointArray: (index: number, label: string) => `checkpoint/${index}/${label}`,
  checkpointRow: (index: number) => `checkpoint/${index}.row`,
  extra: (name: string) => `${EXTRA}${name}`,
}
/** What the names of the user's own sections begin with. */
export const EXTRA = 'extra/'

/** A sequence and the places it can come back to. */
export interface TimelineContent {
  readonly tokens: readonly number[]
  readonly computed: number
  readonly cut: boolean
  /** Logits after the computed tokens. */
  readonly row: Float32Array | null
  readonly state: SequenceState
  /** States of beginnings of the computed tokens, shortest first. */
  readonly checkpoints: readonly KeptState[]
}

/**
 * The sections of a saved session. A checkpoint stores its recurrent arrays alone: its cache rows are the first ones of the
 * sequence's own, to the bit.
 */
export function* sectionsOf(
  content: TimelineContent,
  { stateArrays, arithmetic }: PreparedProgram,
  identity: SessionIdentity,
  extra: Readonly<Record<string, Uint8Array>>,
): Generator<SectionContent, void> {
  const { tokens, computed, cut, row, state, checkpoints } = content
  const about: About = {
    identity,
    arithmetic,
    tokens: tokens.length,
    computed,
    cut,
    row: row !== null,
    arrays: stateArrays.map(({ label, kind, dtype, shape }) => ({ label, kind, dtype, shape })),
    checkpoints: checkpoints.map((kept) => ({ tokens: kept.tokens.length, row: kept.row !== null })),
  }
  yield { name: ABOUT, bytes: encodeAbout(about) }
  yield { name: section.tokens, bytes: encodeTokens(tokens) }
  if (row !== null) yield { name: section.row, bytes: quantize('F32', row) }
  for (const [i, { label }] of stateArrays.entries()) yield { name: section.array(label), bytes: state.read(i) }
  for (const [c, kept] of checkpoints.entries()) {
    if (kept.row !== null) yield { name: section.checkpointRow(c), bytes: quantize('F32', kept.row) }
    for (const [i, { kind, label }] of stateArrays.entries()) {
      if (kind === 'recurrent') yield { name: section.checkpointArray(c, label), bytes: kept.state.read(i) }
    }
  }
  for (const [name, bytes] of Object.entries(extra)) yield { name: section.extra(name), optional: true, bytes }
}

function encodeTokens(tokens: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * tokens.length)
  const view = new DataView(bytes.buffer)
  for (const [i, id] of tokens.entries()) view.setUint32(4 * i, id, true)
  return bytes
}

/** Ids from their bytes. */
export function decodeTokens(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Uint32Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(4 * i, true))
}
