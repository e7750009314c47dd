// Sessions on a small random model with both kinds of layers, and what they save.

import type { PreparedProgram } from '@fak/graph'
import { ReferenceExecutor } from '@fak/graph/reference'
import { bytesSource } from '@fak/tensor'
import { type TinyModel, tinyModel } from '@fak/testkit'
import {
  createSession,
  modelFingerprint,
  openSavedSession,
  type SaveOptions,
  type Session,
  type SessionOptions,
  StateCache,
} from '../../src/index.js'

/** Begins a message. */
export const START = 0

export interface Setup {
  readonly model: TinyModel
  readonly prepared: PreparedProgram
  /** A new session with kept states of its own. */
  session(options?: Partial<SessionOptions>): Session
}

export async function setup(model: TinyModel = tinyModel(7), identity = {}): Promise<Setup> {
  const prepared = await new ReferenceExecutor().prepare(model.program, model.weights, { maxTokens: 16 })
  const ids = { model: await modelFingerprint(model.program, model.weights), tokenizer: 'digits', ...identity }
  const session = (options: Partial<SessionOptions> = {}) =>
    createSession(prepared, {
      contextLength: 200,
      messageStart: START,
      cache: new StateCache(prepared),
      identity: ids,
      ...options,
    })
  return { model, prepared, session }
}

export async function save(session: Session, options: SaveOptions = {}): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of session.save(options)) chunks.push(chunk.slice())
  return new Uint8Array(Buffer.concat(chunks))
}

export const open = (bytes: Uint8Array) => openSavedSession(bytesSource(bytes, 'talk.fak'))

/** Greedy answer of so many tokens, and what the session says of it. */
export async function answer(session: Session, prompt: readonly number[], maxTokens = 4) {
  for await (const event of session.generate(prompt, { maxTokens, stopTokens: [] })) {
    if (event.type === 'done') return event
  }
  throw new Error('a generation ended without saying so')
}
